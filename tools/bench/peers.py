"""What compiled kernels are measured against: PyTorch's attention, JAX Pallas, reference kernels.

`prepare(peer, row, variant, q, k, v)` gives a Launch or raises Unsupported. Operands are [B, S, H, D];
those of packed documents have one batch element.
"""

import contextlib
import ctypes
import dataclasses
import importlib.util
import json
import math
import os
import pathlib
import time

PEERS = ("cudnn", "fa2", "flex", "pallas")


class Unsupported(Exception):
    """The peer does not compute this row; the message says why."""


@dataclasses.dataclass
class Launch:
    """Starts one computation."""

    run: object
    context: object = contextlib.nullcontext  # entered around measurements
    finish: object = None  # waits for work that PyTorch's events do not see
    info: dict = dataclasses.field(default_factory=dict)


def absent(peer):
    """Why a peer cannot be had here, or None."""
    modules = {"pallas": ("jax", "jaxlib"), "flex": ("triton",)}.get(peer, ())
    missing = [m for m in modules if importlib.util.find_spec(m) is None]
    return f"{', '.join(missing)} not installed" if missing else None


def prepare(peer, row, variant, q, k, v):
    if row.documents and peer != "fa2":
        raise Unsupported("has no packed batches here")
    match peer:
        case "fa2" if row.documents:
            return _fa2_packed(row, q, k, v)
        case "cudnn" | "fa2":
            return _sdpa(peer, row, q, k, v)
        case "flex":
            return _flex(row, variant, q, k, v)
        case "pallas":
            return _pallas(row, q, k, v)
    raise Unsupported(f"unknown peer {peer}")


def _sdpa(peer, row, q, k, v):
    import torch.nn.functional as F
    from torch.nn.attention import SDPBackend, sdpa_kernel

    if row.spec not in ("full", "causal"):
        raise Unsupported("has no such mask")
    backend = {"cudnn": SDPBackend.CUDNN_ATTENTION, "fa2": SDPBackend.FLASH_ATTENTION}[peer]
    qt, kt, vt = (x.transpose(1, 2) for x in (q, k, v))
    options = {"is_causal": row.causal}
    if row.heads != row.kv_heads:
        options["enable_gqa"] = True

    def run():
        F.scaled_dot_product_attention(qt, kt, vt, **options)

    return Launch(run, lambda: sdpa_kernel(backend))


def offsets(lengths, device):
    """Where each document begins and the last ends, int32."""
    import torch

    ends = torch.tensor([0, *lengths], dtype=torch.int64).cumsum(0)
    return ends.to(torch.int32).to(device)


def _fa2_packed(row, q, k, v):
    """FlashAttention 2 over documents, as PyTorch ships it."""
    import torch

    starts, most = offsets(row.documents, q.device), max(row.documents)
    q, k, v = (x[0] for x in (q, k, v))
    attention = torch.ops.aten._flash_attention_forward

    def run():
        attention(q, k, v, starts, starts, most, most, 0.0, row.causal, False)

    return Launch(run)


def _flex(row, variant, q, k, v):
    """FlexAttention, compiled, its block mask built before; a sink joins in the same compilation."""
    import torch
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    if variant.weight is not None:
        raise Unsupported("has a softmax only")
    # After some shapes torch.compile gives up and falls back to unfused code, silently.
    torch._dynamo.reset()
    info, mask = {}, None
    if variant.mask is not None:
        for name in ("mask_first_ms", "mask_next_ms"):
            torch.cuda.synchronize()
            start = time.perf_counter()
            batch = row.batch if variant.batched_mask else None
            mask = create_block_mask(
                variant.mask, batch, None, row.length, row.length, device=q.device
            )
            torch.cuda.synchronize()
            info[name] = (time.perf_counter() - start) * 1e3
    gqa, sink, score = row.heads != row.kv_heads, variant.sink, variant.score

    def attention(q, k, v, mask):
        if sink is None:
            return flex_attention(q, k, v, score_mod=score, block_mask=mask, enable_gqa=gqa)
        out, lse = flex_attention(
            q, k, v, score_mod=score, block_mask=mask, enable_gqa=gqa, return_lse=True
        )
        return out * torch.sigmoid(lse - sink[:, None])[..., None].to(out.dtype)

    compiled = torch.compile(attention, dynamic=False, fullgraph=True)
    qt, kt, vt = (x.transpose(1, 2) for x in (q, k, v))

    def run():
        compiled(qt, kt, vt, mask)

    torch.cuda.synchronize()
    start = time.perf_counter()
    with torch.no_grad():
        run()
    torch.cuda.synchronize()
    info["first_call_ms"] = (time.perf_counter() - start) * 1e3
    return Launch(run, info=info)


# (query rows of a warpgroup, keys, stages) that the Pallas kernel is tried with.
_PALLAS = ((64, 128, 2), (64, 64, 4), (64, 64, 2), (128, 128, 2), (128, 64, 3), (64, 256, 2))


def _pallas(row, q, k, v):
    """JAX' Mosaic GPU kernel in f16, the only type that it stages, in the best of some shapes."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import jax
    import torch
    from jax.experimental.pallas.ops.gpu import attention_mgpu as mgpu

    if row.spec not in ("full", "causal"):
        raise Unsupported("has no such mask")
    if row.dim[0] != row.dim[1]:
        raise Unsupported("wants one head dim")
    # It does not scale the scores.
    operands = [
        jax.dlpack.from_dlpack(x.half().contiguous()) for x in (q * row.dim[0] ** -0.5, k, v)
    ]
    torch.cuda.synchronize()
    best, reason = None, "no configuration tried"
    for rows, keys, stages in _PALLAS:
        try:
            config = mgpu.TuningConfig(rows, keys, stages, causal=row.causal)
            function = jax.jit(lambda a, b, c, config=config: mgpu.attention(a, b, c, config))
            function(*operands).block_until_ready()
            start = time.perf_counter()
            for _ in range(5):
                out = function(*operands)
            out.block_until_ready()
            seconds = time.perf_counter() - start
        except Exception as e:
            reason = f"{type(e).__name__}: {e}"
            continue
        if best is None or seconds < best[0]:
            best = seconds, function, (rows, keys, stages)
    if best is None:
        raise Unsupported(reason.splitlines()[0][:120])
    _, function, shape = best
    last = []

    def run():
        last[:] = [function(*operands)]

    info = {"config": "x".join(map(str, shape)), "dtype": "f16"}
    return Launch(run, finish=lambda: last[0].block_until_ready(), info=info)


@dataclasses.dataclass(frozen=True)
class Reference:
    """A kernel of a folder with kernels.json: bf16, full or causal, Sq = Skv, heads alike."""

    directory: pathlib.Path
    file: str
    entry: str
    dim: int
    spec: str
    rows: int
    cols: int
    threads: int
    shared_bytes: int

    @property
    def label(self):
        """`ref`, with what distinguishes the kernel from others of its attention."""
        extra = pathlib.Path(self.file).stem.removeprefix(f"d{self.dim}_{self.spec}").strip("_")
        return f"ref {extra}".strip()

    def fits(self, row):
        same = row.heads == row.kv_heads and row.dim == (self.dim, self.dim)
        return same and row.spec == self.spec and row.dtype == "bf16"


def references(directory):
    """The kernels of a folder, as its kernels.json lists them."""
    directory = pathlib.Path(directory)
    return [
        Reference(
            directory, k["file"], k["entry"], k["head_dim"], "causal" if k["causal"] else "full",
            k["block_m"], k["block_n"], k["threads"], k["shared_bytes"],
        )
        for k in json.loads((directory / "kernels.json").read_text())
    ]  # fmt: skip


def section(batch_heads, length, dim, causal, limit=32 << 20):
    """Heads that are worked on together: K and V of so many stay in the L2 cache."""
    heads = 1
    if causal:
        while batch_heads % (2 * heads) == 0 and 2 * heads * length * 4 * dim <= limit:
            heads *= 2
    return heads


_CUDA = None


def _cuda(name, *arguments):
    """Calls the driver; what it returns other than 0 is an error."""
    global _CUDA
    if _CUDA is None:
        _CUDA = ctypes.CDLL("libcuda.so.1")
    status = getattr(_CUDA, name)(*arguments)
    if status:
        raise RuntimeError(f"{name} failed with CUDA error {status}")


def _tensor_map(x, rows):
    """A 4-D map of a [B, S, H, D] tensor: box (64, rows, 1, 1), 128-byte swizzle, zeros outside."""
    # The driver wants the 128 bytes aligned to 64.
    space = ctypes.create_string_buffer(192)
    offset = -ctypes.addressof(space) % 64
    tensor_map = (ctypes.c_byte * 128).from_buffer(space, offset)
    batch, length, heads, dim = x.shape
    strides = [s * x.element_size() for s in x.stride()]
    bf16, swizzle_128, promotion_256 = 9, 3, 3
    _cuda(
        "cuTensorMapEncodeTiled", ctypes.byref(tensor_map), bf16, 4, ctypes.c_void_p(x.data_ptr()),
        (ctypes.c_uint64 * 4)(dim, length, heads, batch),
        (ctypes.c_uint64 * 3)(strides[1], strides[2], strides[0]),
        (ctypes.c_uint32 * 4)(64, rows, 1, 1), (ctypes.c_uint32 * 4)(1, 1, 1, 1),
        0, swizzle_128, promotion_256, 0,
    )  # fmt: skip
    return tensor_map


class ReferenceKernel:
    """A reference kernel in the driver."""

    def __init__(self, reference):
        import torch

        self.reference = reference
        torch.cuda.synchronize()  # makes PyTorch's context current on this thread
        self._counter = torch.zeros(4, dtype=torch.int32, device="cuda")
        self._module, self._function = ctypes.c_void_p(), ctypes.c_void_p()
        image = (reference.directory / reference.file).read_bytes() + b"\0"
        _cuda("cuModuleLoadData", ctypes.byref(self._module), image)
        entry = reference.entry.encode()
        _cuda("cuModuleGetFunction", ctypes.byref(self._function), self._module, entry)
        max_dynamic_shared = 8
        _cuda("cuFuncSetAttribute", self._function, max_dynamic_shared, reference.shared_bytes)

    def prepare(self, q, k, v):
        """A function that launches, with the outputs as .out and .lse."""
        import torch

        r, (batch, length, heads, dim) = self.reference, q.shape
        out = torch.empty_like(q)
        lse = torch.empty(batch, heads, length, device=q.device)
        tiles = -(-length // r.rows)
        items = tiles * batch * heads
        group = section(batch * heads, length, dim, r.spec == "causal")
        u32, u64, f32 = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_float
        values = [
            *(_tensor_map(x, n) for x, n in ((q, r.rows), (k, r.cols), (v, r.cols), (out, 64))),
            u64(lse.data_ptr()), u64(self._counter.data_ptr()),
            *map(u32, (items, tiles, group, heads, length)),
            f32(math.log2(math.e) / math.sqrt(dim)), f32(0), u64(out.data_ptr()),
        ]  # fmt: skip
        pointers = (ctypes.c_void_p * len(values))(*map(ctypes.addressof, values))
        ctas = min(items, torch.cuda.get_device_properties(q.device).multi_processor_count)
        stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)

        def launch():
            _cuda(
                "cuLaunchKernel", self._function, ctas, 1, 1, r.threads, 1, 1,
                r.shared_bytes, stream, pointers, None,
            )  # fmt: skip

        launch.out, launch.lse = out, lse
        launch.alive = q, k, v, values
        return launch

    def check(self):
        """The relative error of O and the error of LSE against float32 at a ragged length."""
        import torch
        import variants

        r = self.reference
        generator = torch.Generator(device="cuda").manual_seed(7)
        q, k, v = (
            torch.randn(
                2, 777, 4, r.dim, dtype=torch.bfloat16, device="cuda", generator=generator
            )
            for _ in range(3)
        )
        launch = self.prepare(q, k, v)
        launch.out.fill_(math.nan)
        launch.lse.fill_(math.nan)
        launch()
        variant = variants.build(r.spec, (), 2, 4, 777, "cuda")
        out, lse = variants.reference(variant, q, k, v, r.dim**-0.5, exact=True)
        error = float((launch.out - out).norm() / out.norm())
        lse_error = float((launch.lse - lse).abs().max())
        if not (error < 5e-3 and lse_error < 5e-4):
            raise RuntimeError(f"{r.file} is off by {error:.1e} in O and {lse_error:.1e} in LSE")
        return error, lse_error
