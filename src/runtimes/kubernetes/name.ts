/**
 * A name for a job and the headless service of the same name: letters, digits and dashes, beginning with a letter
 * (RFC 1035), short enough that the names of its pods, which add a role and two indices, stay within 63 characters.
 */
export const kubernetesName = (text: string): string => {
  const plain = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/gu, '-')
    .replace(/^[^a-z]+/u, '')
    .slice(0, 40)
    .replace(/-+$/u, '');
  return plain === '' ? 'train' : plain;
};
