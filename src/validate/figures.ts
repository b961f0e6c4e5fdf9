import { GIB } from '../units.ts';

export const formatBytes = (bytes: number): string => `${(bytes / GIB).toFixed(1)} GiB`;
