"""Runs kernels that `attune compile` made on PyTorch tensors.

    import attune
    kernel = attune.load("out/causal")           # reads out/causal.json and out/causal.ptx
    out, lse = kernel(q, k, v)                   # [B, S, H, D] tensors on the GPU

Sequences of their own lengths, with a kernel that was compiled for them:

    packed = attune.load("out/causal_packed")    # compiled with --batching packed
    out, lse = packed(q, k, v, cu_seqlens_q=cu, cu_seqlens_kv=cu, max_seqlen_q=n, max_seqlen_kv=n)

Needs PyTorch and cuda-python (`pip install cuda-bindings`). The PTX is compiled by the driver when
the kernel is loaded and lives as long as the process; every launch goes to PyTorch's current
stream, allocates nothing but the outputs that were not given, and does not synchronize.
"""

import ctypes
import functools
import hashlib
import json
import math
import pathlib

import torch
from cuda.bindings import driver

_DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16}
_CAPTURED_DTYPES = {"int": torch.int32, "float": torch.float32, "bool": torch.bool}
_CTYPES = {
    "u64": ctypes.c_uint64,
    "s64": ctypes.c_int64,
    "s32": ctypes.c_int32,
    "f32": ctypes.c_float,
}
_AXES = {"batch": 0, "seq": 1, "head": 2}
_LOG_BYTES = 16384

# cuTensorMapEncodeTiled's constants, by value since it is called without cuda-python.
_TENSOR_MAP_DTYPES = {torch.float16: 6, torch.bfloat16: 9}
_INTERLEAVE_NONE, _L2_PROMOTION_256B, _OOB_FILL_ZEROS = 0, 3, 0
_SWIZZLES = {64: 2, 128: 3}  # by the bytes of a row of a box
_TENSOR_MAP_BYTES, _TENSOR_MAP_ALIGNMENT = 128, 64
_MAX_TENSOR_MAP_STRIDE = 1 << 40

# In the tensor maps of sequences a box ends where its sequence does: see Parameter.Form.SEQUENCES.
_WRAP, _UNBOUNDED, _WRAP_STRIDE = 1 << 30, 0x7FFF0000, 1 << 34


class AttuneError(RuntimeError):
    """A kernel that does not load, or arguments that do not fit it."""


def load(path, *, cubin=False):
    """The kernel of a manifest: `path` is NAME.json or NAME, with NAME.ptx beside it.

    With cubin, machine code is loaded where NAME.cubin lies beside it for exactly this GPU. That
    needs no compiler, but what the driver makes of the PTX is faster.
    """
    return Kernel(path, cubin=cubin)


def _check(result, what):
    """The values of a driver call's result, which starts with a status."""
    status, *values = result
    if status != driver.CUresult.CUDA_SUCCESS:
        _, text = driver.cuGetErrorString(status)
        reason = text.decode() if text else "unknown error"
        raise AttuneError(f"{what}: {getattr(status, 'name', status)}, {reason}")
    return values[0] if len(values) == 1 else values


def _load_module(image, name):
    log = bytearray(_LOG_BYTES)
    options = {
        driver.CUjit_option.CU_JIT_ERROR_LOG_BUFFER: log,
        driver.CUjit_option.CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES: _LOG_BYTES,
    }
    result = driver.cuModuleLoadDataEx(
        image, len(options), list(options.keys()), list(options.values())
    )
    text = log.split(b"\0", 1)[0].decode(errors="replace").strip()
    return _check(result, f"{name} does not load{': ' + text if text else ''}")


@functools.cache
def _tensor_map_encoder():
    """cuTensorMapEncodeTiled of the driver.

    It wants an address aligned to 64 bytes for the result, which objects of cuda-python do not
    promise, so it is called with a buffer of our own.
    """
    encode = ctypes.CDLL("libcuda.so.1").cuTensorMapEncodeTiled
    sizes, counts = ctypes.POINTER(ctypes.c_uint64), ctypes.POINTER(ctypes.c_uint32)
    encode.restype = ctypes.c_int
    encode.argtypes = [
        ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32, ctypes.c_void_p, sizes, sizes, counts,
        counts, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int,
    ]  # fmt: skip
    return encode


def _strides(name, tensor):
    """Bytes between tokens, heads and batch elements as tensor maps want them."""
    (batch, seq, heads, dim), given = _axes(tensor)
    packed = {2: dim, 1: heads * dim, 0: seq * heads * dim}
    strides = [
        (given[axis] if (batch, seq, heads)[axis] > 1 else packed[axis]) * tensor.element_size()
        for axis in (1, 2, 0)
    ]
    if any(s <= 0 or s % 16 or s >= _MAX_TENSOR_MAP_STRIDE for s in strides):
        raise AttuneError(
            f"{name} has strides {tuple(tensor.stride())}, expected positive multiples of"
            " 16 bytes, less than 2**40 bytes"
        )
    return strides


def _axes(tensor):
    """The extents and strides of a tensor as [B, S, H, D]: a packed one has one batch element."""
    shape, strides = tuple(tensor.shape), tuple(tensor.stride())
    return (shape, strides) if len(shape) == 4 else ((1, *shape), (0, *strides))


def _token(name, tensor, step=1):
    """Bytes from token to token in a map of sequences, and tokens from sequence to sequence."""
    batch, seq = _axes(tensor)[0][:2]
    along_seq, _, along_batch = _strides(name, tensor)
    if batch > 1 and seq == 1:
        return along_batch, 1
    if batch == 1:
        return along_seq, 0
    if along_batch % along_seq or along_batch // along_seq * batch + seq + step > _UNBOUNDED:
        raise AttuneError(
            f"{name} has strides {tuple(tensor.stride())}, expected the first to be a multiple of"
            " the second: this kernel reads tensor maps"
        )
    return along_seq, along_batch // along_seq


def _swizzle(name, row_bytes):
    if row_bytes not in _SWIZZLES:
        raise AttuneError(f"{name} has boxes with rows of {row_bytes} bytes, expected 64 or 128")
    return _SWIZZLES[row_bytes]


def _tensor_map(name, tensor, box_rows, box_cols, group=None, step=None):
    """The tensor map of a [B, S, H, D] tensor: dimensions (D, S, H, B), zeros outside.

    With a group, the heads are split into groups: dimensions (D, group, S, groups, B). With a step,
    boxes end where sequences do, and hold every step-th token.
    """
    room = ctypes.create_string_buffer(_TENSOR_MAP_BYTES + _TENSOR_MAP_ALIGNMENT)
    start = -ctypes.addressof(room) % _TENSOR_MAP_ALIGNMENT
    result = (ctypes.c_ubyte * _TENSOR_MAP_BYTES).from_buffer(room, start)
    batch, seq, heads, dim = _axes(tensor)[0]
    strides = _strides(name, tensor)
    dims, box = (dim, seq, heads, batch), (box_cols, box_rows, 1, 1)
    if group is not None:
        along_seq, along_heads, along_batch = strides
        dims = (dim, group, seq, heads // group, batch)
        strides = [along_heads, along_seq, group * along_heads, along_batch]
        box = (box_cols, group, box_rows // group, 1, 1)
    if step is not None:
        token, _ = _token(name, tensor, step)
        if step * token >= _WRAP_STRIDE:
            raise AttuneError(
                f"{name} has strides {tuple(tensor.stride())}, and every {step}th token is too far"
                " apart for tensor maps"
            )
        dims = (dim, _WRAP, heads, _UNBOUNDED, _UNBOUNDED)
        strides = [step * token, strides[1], token, _WRAP_STRIDE - step * token]
        box = (box_cols, box_rows, 1, 1, 1)
    rank = len(dims)
    code = _tensor_map_encoder()(
        ctypes.addressof(result),
        _TENSOR_MAP_DTYPES[tensor.dtype],
        rank,
        tensor.data_ptr(),
        (ctypes.c_uint64 * rank)(*dims),
        (ctypes.c_uint64 * (rank - 1))(*strides),
        (ctypes.c_uint32 * rank)(*box),
        (ctypes.c_uint32 * rank)(*[1] * rank),
        _INTERLEAVE_NONE,
        _swizzle(name, box_cols * tensor.element_size()),
        _L2_PROMOTION_256B,
        _OOB_FILL_ZEROS,
    )
    _check((driver.CUresult(code),), f"the tensor map of {name}")
    return result


class Kernel:
    """One loaded kernel.

    manifest    the parsed NAME.json
    registers   per thread, as the driver compiled it
    local_bytes of local memory per thread; more than 0 usually means spills
    persistent  whether a launch has at most one CTA per multiprocessor, which take items of work
    packed      whether the query heads of a group share an item of work
    batching    how sequences lie: dense, or with their own lengths packed or padded
    built       whether the machine code is that of NAME.cubin
    step        None, or what an item's positions are apart: the name of a parameter, or a number
    """

    def __init__(self, path, *, cubin=False):
        path = pathlib.Path(path)
        stem = path.with_suffix("") if path.suffix in (".json", ".ptx") else path
        self.name = stem.name
        ptx = stem.with_name(stem.name + ".ptx").read_bytes()
        self.manifest = m = json.loads(stem.with_name(stem.name + ".json").read_text())
        if m.get("format") != 1:
            raise AttuneError(f"{self.name}.json has format {m.get('format')}, expected 1")
        if hashlib.sha256(ptx).hexdigest() != m["ptx_sha256"]:
            raise AttuneError(f"{self.name}.json does not belong to {self.name}.ptx: ptx_sha256 differs")
        self.dtype = _DTYPES[m["dtype"]]
        torch.cuda.synchronize()  # makes PyTorch's context current on this thread
        self.device = torch.device("cuda", torch.cuda.current_device())
        code = self._machine_code(stem.with_name(stem.name + ".cubin")) if cubin else None
        self.built = code is not None
        # The driver wants text to end with a zero byte.
        self._module = _load_module(code if self.built else ptx + b"\0", self.name)
        self._function = _check(
            driver.cuModuleGetFunction(self._module, m["entry"].encode()), m["entry"]
        )
        attribute = driver.CUfunction_attribute
        if m["shared_bytes"] > 0:
            _check(
                driver.cuFuncSetAttribute(
                    self._function,
                    attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                    m["shared_bytes"],
                ),
                f"{self.name} wants {m['shared_bytes']} bytes of shared memory",
            )
        self.registers, self.local_bytes = (
            _check(driver.cuFuncGetAttribute(a, self._function), self.name)
            for a in (
                attribute.CU_FUNC_ATTRIBUTE_NUM_REGS,
                attribute.CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES,
            )
        )
        self.persistent = m["grid"][0].startswith("min(")
        self.packed = "group" in m["grid"][0]
        self.batching = m.get("batching", "dense")
        self.step = m.get("step")
        properties = torch.cuda.get_device_properties(self.device)
        self.multiprocessors = properties.multi_processor_count
        self._counters = {}

    def _machine_code(self, file):
        """What a cubin holds, or None where there is none for this GPU."""
        properties = torch.cuda.get_device_properties(self.device)
        gpu = f"sm_{properties.major}{properties.minor}"
        if self.manifest["target"].rstrip("a") != gpu or not file.exists():
            return None
        code = file.read_bytes()
        if hashlib.sha256(code).hexdigest() != self.manifest.get("cubin_sha256"):
            raise AttuneError(
                f"{self.name}.json does not belong to {file.name}: cubin_sha256 differs"
            )
        return code

    def __call__(self, q, k, v, **options):
        """Launches once; arguments as for `prepare`. Returns (out, lse)."""
        launch = self.prepare(q, k, v, **options)
        launch()
        return launch.out, launch.lse

    def prepare(
        self, q, k, v, *, scale=None, params=None, tensors=None, out=None, lse=None, max_score=None,
        cu_seqlens_q=None, cu_seqlens_kv=None, max_seqlen_q=None, max_seqlen_kv=None,
        lengths_q=None, lengths_kv=None,
    ):  # fmt: skip
        """Checks the arguments once and returns a function that launches with them.

        q [B, Sq, Hq, Dqk], k [B, Skv, Hkv, Dqk], v [B, Skv, Hkv, Dv] in the kernel's dtype, with any
        strides that are multiples of 16 bytes, the last axis contiguous. scale is 1/sqrt(Dqk) where
        none is given; params and tensors are the spec's parameters and captured tensors by name.
        out [B, Sq, Hq, Dv], lse and max_score [B, Hq, Sq] float32 are allocated where not given.

        A packed kernel takes q [tokens, Hq, Dqk], k and v likewise, and gives lse [Hq, tokens]:
        cu_seqlens_q and cu_seqlens_kv, int32 [B + 1] on the GPU, say where each sequence begins and
        the last ends; max_seqlen_q and max_seqlen_kv what no sequence exceeds, which is also what
        the shapes of captured tensors mean by Sq and Skv. A padded kernel takes lengths_q and
        lengths_kv, int32 [B] on the GPU. What they hold is not checked: of wrong ones a kernel makes
        others that lie inside the tensors. What is of no sequence is not written.

        The result keeps the tensors alive, has them as .out, .lse and .max_score (None where the
        kernel does not write them), and launches on the stream that is current now. To capture
        launches in a CUDA graph, prepare them before: a kernel's work counter is allocated when its
        first launch on a stream is prepared.
        """
        m = self.manifest
        offsets, lengths = (cu_seqlens_q, cu_seqlens_kv), (lengths_q, lengths_kv)
        sequences, batch, sq, skv = self._sequences(
            q, k, offsets, (max_seqlen_q, max_seqlen_kv), lengths
        )
        tokens = self.batching == "packed"
        hq, hkv = q.shape[-2], k.shape[-2]
        rows_q = tuple(q.shape[:1] if tokens else (batch, sq))
        rows_kv = tuple(k.shape[:1] if tokens else (batch, skv))
        per_row = (hq, *rows_q) if tokens else (batch, hq, sq)
        dqk, dv = m["head_dim"]["qk"], m["head_dim"]["v"]
        if hkv == 0 or hq % hkv != 0:
            raise AttuneError(f"k has {hkv} heads, expected a divisor of q's {hq}")
        written = {p["of"] for p in m["parameters"] if p["role"] == "pointer"}
        operands = {"q": q, "k": k, "v": v}
        operands["o"] = self._output(out, (*rows_q, hq, dv), self.dtype)
        for name, given in (("lse", lse), ("max_score", max_score)):
            if name in written:
                operands[name] = self._output(given, per_row, torch.float32)
        self._require("q", q, (*rows_q, hq, dqk))
        self._require("k", k, (*rows_kv, hkv, dqk))
        self._require("v", v, (*rows_kv, hkv, dv))
        self._require("out", operands["o"], (*rows_q, hq, dv))
        for name in written & {"lse", "max_score"}:
            self._require_dense(name, operands[name], torch.float32, per_row)
        sizes = {
            "B": batch, "Hq": hq, "Hkv": hkv, "Sq": sq, "Skv": skv,
            "Dqk": dqk, "Dv": dv, "group": hq // hkv,
        }  # fmt: skip
        scale = 1 / math.sqrt(dqk) if scale is None else scale
        scalars = self._scalars(params or {})
        captured = self._captured(tensors or {})
        group, rows = hq // hkv, m["rows_per_block"]
        if self.packed and group > rows:
            raise AttuneError(f"q has {group} heads for each of k's, expected at most {rows}")
        step = int(scalars[self.step]) if isinstance(self.step, str) else self.step or 1
        classes = 1 if self.step is None else min(step, sq)
        longest = -(-sq // step)
        tiles = -(-longest // (rows // group if self.packed else rows))
        if self.batching != "dense":
            tiles *= batch
            if tokens:
                tiles = min(tiles, q.shape[0] // rows + batch) if q.shape[0] > 0 else 0
        items = tiles * (hkv if self.packed else hq) * (batch if self.batching == "dense" else 1)
        items *= classes
        stream = torch.cuda.current_stream(self.device).cuda_stream
        if items > 0 and 0 in rows_kv and any(p["type"] == "b8" for p in m["parameters"]):
            raise AttuneError("k has no keys, expected at least one: this kernel reads tensor maps")

        def value(p):
            match p["role"]:
                case "pointer":
                    return operands[p["of"]].data_ptr()
                case "stride":
                    (shape, strides), axis = _axes(operands[p["of"]]), _AXES[p["axis"]]
                    return strides[axis] if shape[axis] > 1 else 0
                case "size":
                    return sizes[p["extent"]]
                case "scale":
                    return scale
                case "scale_log2e":
                    return scale * math.log2(math.e)
                case "scalar":
                    x = scalars[p["param"]]
                    return float(x) if p["type"] == "f32" else int(x)
                case "captured":
                    return captured[p["tensor"]].data_ptr()
                case "counter":
                    return self._counter(stream).data_ptr()
                case "tensor_map":
                    return _tensor_map(p["of"], operands[p["of"]], p["box_rows"], p["box_cols"])
                case "grouped_tensor_map":
                    return _tensor_map(
                        p["of"], operands[p["of"]], p["box_rows"], p["box_cols"], group
                    )
                case "sequences_tensor_map":
                    return _tensor_map(
                        p["of"], operands[p["of"]], p["box_rows"], p["box_cols"], step=step
                    )
                case "sequences":
                    return sequences[p["of"]].data_ptr()
                case "tokens":
                    return operands[p["of"]].shape[0]
                case "pitch":
                    return _token(p["of"], operands[p["of"]], step)[1]
                case "box_bytes":
                    box = next(
                        x for x in m["parameters"]
                        if x["role"] == "grouped_tensor_map" and x["of"] == p["of"]
                    )  # fmt: skip
                    used = box["box_rows"] // group * group
                    return used * box["box_cols"] * operands[p["of"]].element_size()
            raise AttuneError(f"parameter {p['name']} has the unknown role {p['role']!r}")

        # The driver wants an array with the address of each value, and copies them at the launch.
        values = [self._argument(p, value(p)) for p in m["parameters"]] if items > 0 else []
        pointers = (ctypes.c_void_p * len(values))(*(ctypes.addressof(x) for x in values))
        address = ctypes.addressof(pointers)
        function, threads, shared = self._function, m["threads"], m["shared_bytes"]
        gx, gy, gz = tiles, hq, batch if self.batching == "dense" else 1
        if self.persistent:
            gx, gy, gz = min(items, self.multiprocessors), 1, 1
        handle = driver.CUstream(stream)
        success = driver.CUresult.CUDA_SUCCESS

        def launch():
            if items == 0:
                return
            result = driver.cuLaunchKernel(
                function, gx, gy, gz, threads, 1, 1, shared, handle, address, 0
            )
            if result[0] != success:
                _check(result, f"{self.name} does not launch")

        launch.out = operands["o"]
        launch.lse = operands.get("lse")
        launch.max_score = operands.get("max_score")
        launch.alive = (self, operands, captured, sequences, values, pointers)
        return launch

    def _sequences(self, q, k, offsets, maxima, lengths):
        """({"q": numbers, "k": numbers}, B, Sq, Skv): Sq and Skv are what no sequence exceeds."""
        given = {"packed": offsets, "padded": lengths, "dense": ()}[self.batching]
        if any(x is None for x in given) or (self.batching == "packed" and None in maxima):
            wanted = {
                "packed": "cu_seqlens_q, cu_seqlens_kv, max_seqlen_q and max_seqlen_kv",
                "padded": "lengths_q and lengths_kv",
            }
            raise AttuneError(f"{self.name} is {self.batching}, expected {wanted[self.batching]}")
        others = [x for x in (*offsets, *maxima, *lengths) if x is not None]
        if len(others) > {"packed": 4, "padded": 2, "dense": 0}[self.batching]:
            raise AttuneError(f"{self.name} is {self.batching}, but other sequences were given")
        if self.batching == "dense":
            return {}, q.shape[0], q.shape[1], k.shape[1]
        tokens = self.batching == "packed"
        names = ("cu_seqlens_q", "cu_seqlens_kv") if tokens else ("lengths_q", "lengths_kv")
        entries = max(1, given[0].shape[0]) if tokens else q.shape[0]
        for name, numbers in zip(names, given):
            self._require_dense(name, numbers, torch.int32, (entries,))
        sq, skv = maxima if tokens else (q.shape[1], k.shape[1])
        return dict(zip("qk", given)), entries - tokens, sq, skv

    @staticmethod
    def _argument(p, value):
        return value if p["type"] == "b8" else _CTYPES[p["type"]](value)

    def _counter(self, stream):
        """Two zeroed u32 for the launches on a stream; every launch leaves them zero."""
        if stream not in self._counters:
            self._counters[stream] = torch.zeros(2, dtype=torch.int32, device=self.device)
        return self._counters[stream]

    def _output(self, given, shape, dtype):
        return torch.empty(shape, dtype=dtype, device=self.device) if given is None else given

    def _require(self, name, tensor, shape):
        self._require_place(name, tensor, self.dtype, shape)
        strides = [s for s, n in zip(tensor.stride()[:-1], shape[:-1]) if n > 1]
        if tensor.stride(-1) != 1 or tensor.data_ptr() % 16 or any(s % 8 for s in strides):
            raise AttuneError(
                f"{name} has strides {tuple(tensor.stride())}, expected a contiguous last axis, the"
                " other strides multiples of 8 elements, and an address aligned to 16 bytes"
            )

    def _require_dense(self, name, tensor, dtype, shape=None):
        self._require_place(name, tensor, dtype, tensor.shape if shape is None else shape)
        if not tensor.is_contiguous():
            raise AttuneError(f"{name} has strides {tuple(tensor.stride())}, expected no gaps")

    def _require_place(self, name, tensor, dtype, shape):
        found = (tensor.device, tensor.dtype, tuple(tensor.shape))
        if found != (self.device, dtype, tuple(shape)):
            raise AttuneError(
                f"{name} is {found[1]} {found[2]} on {found[0]},"
                f" expected {dtype} {tuple(shape)} on {self.device}"
            )

    def _scalars(self, given):
        declared = {s["name"]: s for s in self.manifest["params"]}
        for name in given:
            if name not in declared:
                raise AttuneError(f"unknown parameter {name!r}, expected one of {sorted(declared)}")
        values = {}
        for name, s in declared.items():
            x = given.get(name, s["default"])
            low = -math.inf if s["low"] is None else s["low"]
            high = math.inf if s["high"] is None else s["high"]
            if x is None or not low <= x <= high:
                raise AttuneError(f"parameter {name} is {x}, expected {low} to {high}")
            values[name] = x
        return values

    def _captured(self, given):
        declared = {t["name"]: t for t in self.manifest["tensors"]}
        if given.keys() != declared.keys():
            raise AttuneError(f"tensors {sorted(given)} were given, expected {sorted(declared)}")
        for name, t in declared.items():
            self._require_dense(f"tensor {name}", given[name], _CAPTURED_DTYPES[t["type"]])
            if given[name].dim() != len(t["shape"]):
                raise AttuneError(
                    f"tensor {name} has shape {tuple(given[name].shape)}, expected {t['shape']}"
                )
        return given
