#!/usr/bin/env python3
"""Measures what one GPU and its links attain, and writes the JSON that `planner calibrate` reads.

One GPU:              python3 probe.py -o probe.json
All GPUs of a node:   torchrun --nproc-per-node 8 probe.py -o probe.json
Several nodes:        torchrun --nnodes 2 --nproc-per-node 8 ... probe.py --network ndr-400 -o probe.json

Needs PyTorch with CUDA or ROCm, and nothing else. Takes about two minutes. Nothing is sent anywhere.
"""
import argparse
import json
import os
import sys
import time

# (tokens, inputs, outputs) of linear layers in training, before and after tensor parallelism.
LINEARS = [
    (4096, 4096, 4096),
    (8192, 4096, 14336),
    (8192, 8192, 8192),
    (8192, 8192, 3584),
    (8192, 1024, 8192),
    (8192, 2048, 8192),
    (4096, 8192, 28672),
]
# (batch, heads, sequence, head dimension), causal.
ATTENTIONS = [(4, 32, 2048, 128), (2, 32, 4096, 128), (1, 32, 8192, 128), (1, 16, 16384, 128)]
COLLECTIVE_BYTES = [2**18, 2**20, 2**22, 2**24, 2**26, 2**28, 2**30]
IDLE_S = 0.2
BURST_S = 0.01
SOAK_S = 15.0
LOOP_S = 0.4


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", default="probe.json")
    parser.add_argument("--network", default=None, help="planner's preset of the network ports: ndr-400, roce-200, efa-400")
    parser.add_argument("--quick", action="store_true", help="a tenth of the time, for a first try")
    return parser.parse_args()


class Clock:
    """Device time of a function, by events."""

    def __init__(self, torch, scale):
        self.torch = torch
        self.loop_s = LOOP_S * scale
        self.idle_s = IDLE_S * scale

    def _run(self, work, times):
        start = self.torch.cuda.Event(enable_timing=True)
        end = self.torch.cuda.Event(enable_timing=True)
        work()  # untimed: while it runs, the host queues what is timed, which then waits for no launch
        start.record()
        for _ in range(times):
            work()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1000 / times

    def burst(self, work):
        """Cool clocks: the best of three short runs after idling, each long enough that launching it is hidden."""
        once = max(self._run(work, 2), 1e-6)
        times = max(3, int(BURST_S / once))
        best = float("inf")
        for _ in range(3):
            time.sleep(self.idle_s)
            best = min(best, self._run(work, times))
        return best

    def sustained(self, work):
        """Clocks under load: a loop of at least loop_s seconds, the second half counts."""
        once = max(self._run(work, 3), 1e-6)
        half = max(3, int(self.loop_s / once / 2))
        self._run(work, half)
        return self._run(work, half)


def products(torch, tokens, inputs, outputs):
    """The three products of a linear layer as (pass, m, n, k, work), bf16."""
    x = torch.randn(tokens, inputs, device="cuda", dtype=torch.bfloat16)
    w = torch.randn(outputs, inputs, device="cuda", dtype=torch.bfloat16)
    g = torch.randn(tokens, outputs, device="cuda", dtype=torch.bfloat16)
    return [
        ("forward", tokens, outputs, inputs, lambda: x @ w.t()),
        ("dgrad", tokens, inputs, outputs, lambda: g @ w),
        ("wgrad", outputs, inputs, tokens, lambda: g.t() @ x),
    ]


def products_fp8(torch, tokens, inputs, outputs):
    """The same in fp8 with one scale per tensor; operands are laid out as the kernel wants them."""
    one = torch.ones((), device="cuda")

    def operand(rows, depth):
        return torch.randn(rows, depth, device="cuda").to(torch.float8_e4m3fn)

    def product(m, n, k):
        a, b = operand(m, k), operand(n, k)
        return lambda: torch._scaled_mm(a, b.t(), scale_a=one, scale_b=one, out_dtype=torch.bfloat16)

    shapes = [("forward", tokens, outputs, inputs), ("dgrad", tokens, inputs, outputs), ("wgrad", outputs, inputs, tokens)]
    return [(name, m, n, k, product(m, n, k)) for name, m, n, k in shapes]


def measure_gemm(torch, clock, scale, log):
    rows = []
    makers = [("bf16", products)]
    if hasattr(torch, "float8_e4m3fn") and hasattr(torch, "_scaled_mm"):
        makers.append(("fp8", products_fp8))
    for precision, make in makers:
        try:
            cool = []
            for shape in LINEARS:
                for name, m, n, k, work in make(torch, *shape):
                    cool.append((name, m, n, k, clock.burst(work)))
            log(f"{precision}: warming up")
            until = time.monotonic() + SOAK_S * scale
            soak = make(torch, *LINEARS[2])
            while time.monotonic() < until:
                for _ in range(20):
                    for *_, work in soak:
                        work()
                torch.cuda.synchronize()
            index = 0
            for shape in LINEARS:
                for name, m, n, k, work in make(torch, *shape):
                    rows.append({
                        "format": precision, "pass": name, "m": m, "n": n, "k": k,
                        "burst_s": cool[index][4], "sustained_s": clock.sustained(work),
                    })
                    index += 1
        except Exception as error:  # a format that the hardware or this build of PyTorch lacks
            log(f"{precision}: left out ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''})")
            rows = [row for row in rows if row["format"] != precision]
    return rows


def attention_kernels(torch):
    """(name in planner's calibration, context manager) of the fused kernels that this PyTorch knows."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    found = [("flash2", lambda: sdpa_kernel(SDPBackend.FLASH_ATTENTION))]
    if hasattr(SDPBackend, "CUDNN_ATTENTION"):
        found.append(("cudnn-v9", lambda: sdpa_kernel(SDPBackend.CUDNN_ATTENTION)))
    return found


def measure_attention(torch, clock, log):
    rows = []
    try:
        kernels = attention_kernels(torch)
    except ImportError:  # PyTorch before 2.3 has no torch.nn.attention
        log("attention: left out (this PyTorch cannot choose a kernel)")
        return rows
    for kernel, chosen in kernels:
        try:
            for batch, heads, sequence, dim in ATTENTIONS:
                q, k, v = (
                    torch.randn(batch, heads, sequence, dim, device="cuda", dtype=torch.bfloat16, requires_grad=True)
                    for _ in range(3)
                )
                with chosen():
                    call = lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
                    with torch.no_grad():
                        forward = clock.sustained(call)
                    out = call()
                    grad = torch.randn_like(out)
                    backward = clock.sustained(lambda: torch.autograd.grad(out, (q, k, v), grad, retain_graph=True))
                rows.append({
                    "kernel": kernel, "batch": batch, "heads": heads, "sequence": sequence, "head_dim": dim,
                    "forward_s": forward, "backward_s": backward,
                })
        except Exception as error:
            log(f"attention {kernel}: left out ({type(error).__name__})")
            rows = [row for row in rows if row["kernel"] != kernel]
    return rows


def measure_memory(torch, clock):
    elements = 2**28
    a = torch.randn(elements, device="cuda", dtype=torch.bfloat16)
    b = torch.randn(elements, device="cuda", dtype=torch.bfloat16)
    c = torch.empty_like(a)
    return [
        {"kernel": "copy", "bytes": 2 * 2 * elements, "seconds": clock.sustained(lambda: c.copy_(a))},
        {"kernel": "add", "bytes": 3 * 2 * elements, "seconds": clock.sustained(lambda: torch.add(a, b, out=c))},
    ]


def collective_work(torch, dist, operation, group, members, size):
    """`size`: bytes of the buffer on every rank; for all-to-all and p2p, bytes that every rank sends."""
    ranks = len(members)
    elements = size // 2 // ranks * ranks
    full = torch.zeros(elements, device="cuda", dtype=torch.bfloat16)
    part = torch.zeros(elements // ranks, device="cuda", dtype=torch.bfloat16)
    other = torch.zeros_like(full)
    place = members.index(dist.get_rank())
    after, before = members[(place + 1) % ranks], members[(place - 1) % ranks]

    def exchange():
        ops = [dist.P2POp(dist.isend, full, after, group), dist.P2POp(dist.irecv, other, before, group)]
        for request in dist.batch_isend_irecv(ops):
            request.wait()

    return {
        "all-reduce": lambda: dist.all_reduce(full, group=group),
        "all-gather": lambda: dist.all_gather_into_tensor(full, part, group=group),
        "reduce-scatter": lambda: dist.reduce_scatter_tensor(part, full, group=group),
        "all-to-all": lambda: dist.all_to_all_single(other, full, group=group),
        "p2p": exchange,
    }[operation]


def measure_collectives(torch, dist, scale, per_node, log):
    rank, world = dist.get_rank(), dist.get_world_size()
    scopes = []
    if per_node > 1:
        groups = [list(range(first, min(world, first + per_node))) for first in range(0, world, per_node)]
        made = [dist.new_group(members) for members in groups]
        scopes.append(("node", made[rank // per_node], groups[rank // per_node]))
    if world > per_node:
        scopes.append(("world", dist.group.WORLD, list(range(world))))
    rows = []
    for scope, group, members in scopes:
        for operation in ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "p2p"):
            for size in COLLECTIVE_BYTES:
                work = collective_work(torch, dist, operation, group, members, size)
                times = max(3, int((20 if size <= 2**24 else 8) * scale))
                for _ in range(3):
                    work()
                torch.cuda.synchronize()
                dist.barrier()
                start = time.perf_counter()
                for _ in range(times):
                    work()
                torch.cuda.synchronize()
                seconds = torch.tensor([(time.perf_counter() - start) / times], device="cuda")
                dist.all_reduce(seconds, op=dist.ReduceOp.MAX)
                rows.append({
                    "operation": operation, "scope": scope, "ranks": len(members), "bytes": size,
                    "seconds": float(seconds.item()),
                })
        log(f"collectives over {scope}: done")
    return rows


def main():
    options = arguments()
    try:
        import torch
    except ImportError:
        sys.exit("probe.py needs PyTorch")
    if not torch.cuda.is_available():
        sys.exit("probe.py needs a GPU that PyTorch sees")
    scale = 0.1 if options.quick else 1.0
    world = int(os.environ.get("WORLD_SIZE", "1"))
    per_node = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist = None
    if world > 1:
        import torch.distributed as dist

        dist.init_process_group("nccl")
    first = int(os.environ.get("RANK", "0")) == 0

    def log(text):
        if first:
            print(f"probe: {text}", file=sys.stderr, flush=True)

    clock = Clock(torch, scale)
    properties = torch.cuda.get_device_properties(torch.cuda.current_device())
    result = {
        "schema_version": 1,
        "kind": "planner-probe",
        "gpu": {
            "name": properties.name,
            "memory_bytes": properties.total_memory,
            "per_node": per_node,
            "nodes": max(1, world // per_node),
        },
        "software": {"torch": torch.__version__, "cuda": torch.version.cuda},
        "network": options.network,
        "gemm": [], "attention": [], "memory": [], "collectives": [],
    }
    log(f"{properties.name}: matrix products")
    result["gemm"] = measure_gemm(torch, clock, scale, log)
    log("attention")
    result["attention"] = measure_attention(torch, clock, log)
    log("memory bandwidth")
    result["memory"] = measure_memory(torch, clock)
    if dist is not None:
        log("collectives")
        result["collectives"] = measure_collectives(torch, dist, scale, per_node, log)
    if first:
        with open(options.output, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
        log(f"written: {options.output}")
    if dist is not None:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
