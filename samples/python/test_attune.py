"""Tests what attune.py gives to the driver, with stand-ins for PyTorch, cuda-python and libcuda.

python3 -m unittest test_attune, in this folder; needs neither a GPU nor any package.
"""

import ctypes
import enum
import hashlib
import json
import math
import pathlib
import sys
import tempfile
import types
import unittest

KINDS = "bfloat16 float16 float32 int32 bool"
SMS = 132


class Tensor:
    """A tensor of 16-bit elements without memory."""

    addresses = iter(range(0x10000, 1 << 40, 0x10000))

    def __init__(self, *shape, dtype="bfloat16", strides=None):
        self.shape, self.dtype, self.device = shape, dtype, "cuda:0"
        self.strides, self.address = strides, next(Tensor.addresses)
        if strides is None:
            self.strides = packed(shape)

    def stride(self, axis=None):
        return self.strides if axis is None else self.strides[axis]

    def is_contiguous(self):
        return self.strides == packed(self.shape)

    def data_ptr(self):
        return self.address

    def element_size(self):
        return 2

    def dim(self):
        return len(self.shape)


def packed(shape):
    """The strides of a row-major tensor without gaps."""
    return tuple(math.prod(max(1, n) for n in shape[axis + 1 :]) for axis in range(len(shape)))


class Result(enum.IntEnum):
    CUDA_SUCCESS = 0
    CUDA_ERROR_INVALID_VALUE = 1


class Names:
    def __getattr__(self, name):
        return name


class Machine:
    """What the stand-ins remember."""

    def __init__(self):
        self.stream, self.launches, self.zeroed, self.maps = 0x51, [], [], []
        self.images, self.major = [], 9

    def launch(self, function, *rest):
        *sizes, stream, pointers, extra = rest
        self.launches.append((function, tuple(sizes), stream, pointers))
        return (Result.CUDA_SUCCESS,)

    def load(self, image, *options):
        self.images.append(image)
        return Result.CUDA_SUCCESS, "module"

    def zeros(self, count, dtype, device):
        self.zeroed.append(Tensor(count, dtype=dtype))
        return self.zeroed[-1]

    def encode(self, result, dtype, rank, address, dims, strides, box, element_strides, *modes):
        if result % 64 or any(s % 16 for s in strides[: rank - 1]):
            return Result.CUDA_ERROR_INVALID_VALUE
        self.maps.append(
            (dtype, address, dims[:rank], strides[: rank - 1], box[:rank], element_strides[:rank])
            + modes
        )
        ctypes.memset(result, len(self.maps), 128)
        return Result.CUDA_SUCCESS


machine = Machine()


def stand_ins():
    torch = types.ModuleType("torch")
    for kind in KINDS.split():
        setattr(torch, kind, kind)
    torch.device = lambda kind, index: f"{kind}:{index}"
    torch.empty = lambda shape, dtype, device: Tensor(*shape, dtype=dtype)
    torch.zeros = lambda *a, **k: machine.zeros(*a, **k)
    torch.cuda = types.SimpleNamespace(
        synchronize=lambda: None,
        current_device=lambda: 0,
        current_stream=lambda device: types.SimpleNamespace(cuda_stream=machine.stream),
        get_device_properties=lambda device: types.SimpleNamespace(
            multi_processor_count=SMS, major=machine.major, minor=0
        ),
    )
    bindings = types.ModuleType("cuda.bindings")
    bindings.driver = types.SimpleNamespace(
        CUresult=Result,
        CUjit_option=Names(),
        CUfunction_attribute=Names(),
        CUstream=lambda handle: ("stream", handle),
        cuGetErrorString=lambda status: (Result.CUDA_SUCCESS, b"invalid argument"),
        cuModuleLoadDataEx=lambda *a: machine.load(*a),
        cuModuleGetFunction=lambda module, entry: (Result.CUDA_SUCCESS, entry),
        cuFuncSetAttribute=lambda *a: (Result.CUDA_SUCCESS,),
        cuFuncGetAttribute=lambda *a: (Result.CUDA_SUCCESS, 0),
        cuLaunchKernel=lambda *a: machine.launch(*a),
    )
    return {"torch": torch, "cuda": types.ModuleType("cuda"), "cuda.bindings": bindings}


sys.modules.update(stand_ins())
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import attune  # noqa: E402

_WORDS, _COUNTS = ctypes.POINTER(ctypes.c_uint64), ctypes.POINTER(ctypes.c_uint32)
_ENCODE = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32, ctypes.c_void_p, _WORDS, _WORDS,
    _COUNTS, _COUNTS, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int,
)(lambda *a: machine.encode(*a))  # fmt: skip
attune._tensor_map_encoder = lambda: _ENCODE

MAPS = [("q", 192), ("k", 80), ("v", 80), ("o", 64)]
PARAMETERS = [
    {"name": of, "type": "b8", "role": "tensor_map", "of": of, "box_rows": rows, "box_cols": 64}
    for of, rows in MAPS
] + [
    {"name": "lse", "type": "u64", "role": "pointer", "of": "lse"},
    {"name": "size_sq", "type": "s32", "role": "size", "extent": "Sq"},
    {"name": "scale", "type": "f32", "role": "scale"},
    {"name": "counter", "type": "u64", "role": "counter"},
]


SEQUENCE_PARAMETERS = [p | {"role": "sequences_tensor_map"} for p in PARAMETERS[: len(MAPS)]] + [
    {"name": "q_sequences", "type": "u64", "role": "sequences", "of": "q"},
    {"name": "k_sequences", "type": "u64", "role": "sequences", "of": "k"},
]
PACKED_PARAMETERS = SEQUENCE_PARAMETERS + [
    {"name": "q_tokens", "type": "s32", "role": "tokens", "of": "q"},
    {"name": "k_tokens", "type": "s32", "role": "tokens", "of": "k"},
    {"name": "size_b", "type": "s32", "role": "size", "extent": "B"},
    {"name": "size_sq", "type": "s32", "role": "size", "extent": "Sq"},
    {"name": "lse", "type": "u64", "role": "pointer", "of": "lse"},
]
PADDED_PARAMETERS = SEQUENCE_PARAMETERS + [
    {"name": "q_pitch", "type": "s32", "role": "pitch", "of": "q"},
]
RESIDUE_PARAMETERS = SEQUENCE_PARAMETERS[: len(MAPS)] + PADDED_PARAMETERS[-1:]


PTX, CUBIN = b".version 8.0\n", b"\177ELF"


def kernel(parameters=PARAMETERS, cubin=False, code=CUBIN, **more):
    ptx = PTX
    manifest = {
        "format": 1, "spec": "s", "entry": "e", "target": "sm_90a", "dtype": "bf16",
        "head_dim": {"qk": 128, "v": 128}, "threads": 512, "rows_per_block": 192,
        "grid": ["min(ceil(Sq / 192) * Hq * B, SMs)", "1", "1"], "shared_bytes": 200000,
        "ptx_sha256": hashlib.sha256(ptx).hexdigest(),
        "cubin_sha256": hashlib.sha256(CUBIN).hexdigest(), "parameters": parameters, "params": [],
        "tensors": [],
    } | more  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "s.ptx").write_bytes(ptx)
        (pathlib.Path(folder) / "s.json").write_text(json.dumps(manifest))
        if code is not None:
            (pathlib.Path(folder) / "s.cubin").write_bytes(code)
        return attune.load(pathlib.Path(folder) / "s", cubin=cubin)


def word(address):
    return ctypes.c_uint64.from_address(address).value


class LaunchTest(unittest.TestCase):
    def setUp(self):
        machine.__init__()

    def arguments(self, launch):
        self.launch = launch  # which holds the memory that is looked at
        launch()
        pointers = machine.launches[-1][3]
        return (ctypes.c_void_p * 16).from_address(pointers)

    def test_narrow_boxes_have_the_narrow_swizzle(self):
        narrow = [p | ({"box_cols": 32} if "box_cols" in p else {}) for p in PARAMETERS]
        q, k, v = Tensor(2, 777, 16, 128), Tensor(2, 500, 4, 128), Tensor(2, 500, 4, 128)
        kernel(narrow).prepare(q, k, v)
        self.assertEqual({m[4][0] for m in machine.maps}, {32})
        self.assertEqual({m[6:] for m in machine.maps}, {(0, 2, 3, 0)})
        wide = [p | ({"box_cols": 16} if "box_cols" in p else {}) for p in PARAMETERS]
        with self.assertRaisesRegex(attune.AttuneError, "rows of 32 bytes, expected 64 or 128"):
            kernel(wide).prepare(q, k, v)

    def test_every_parameter_has_its_value(self):
        q = Tensor(2, 777, 16, 128)
        k, v = Tensor(2, 500, 4, 128), Tensor(2, 500, 4, 128)
        launch = kernel().prepare(q, k, v, scale=0.5)
        arguments = self.arguments(launch)
        sizes = (SMS, 1, 1, 512, 1, 1, 200000)
        self.assertEqual(machine.launches[0][:3], (b"e", sizes, ("stream", 0x51)))
        for index in range(4):
            self.assertEqual(arguments[index] % 64, 0)
            self.assertEqual(ctypes.string_at(arguments[index], 128), bytes([index + 1]) * 128)
        modes = (0, 3, 3, 0)  # no interleave, 128-byte swizzle, 256-byte promotion, zeros
        ones = [1, 1, 1, 1]
        shape, strides = [128, 777, 16, 2], [4096, 256, 777 * 4096]
        first = (9, q.data_ptr(), shape, strides, [64, 192, 1, 1], ones) + modes
        self.assertEqual(machine.maps[0], first)
        shape, strides = [128, 500, 4, 2], [1024, 256, 500 * 1024]
        second = (9, k.data_ptr(), shape, strides, [64, 80, 1, 1], ones) + modes
        self.assertEqual(machine.maps[1], second)
        self.assertEqual(machine.maps[2][1], v.data_ptr())
        self.assertEqual(machine.maps[3][1], launch.out.data_ptr())
        self.assertEqual(machine.maps[3][4], [64, 64, 1, 1])
        self.assertEqual(word(arguments[4]), launch.lse.data_ptr())
        self.assertEqual(ctypes.c_int32.from_address(arguments[5]).value, 777)
        self.assertEqual(ctypes.c_float.from_address(arguments[6]).value, 0.5)
        self.assertEqual(word(arguments[7]), machine.zeroed[0].data_ptr())

    def test_every_stream_has_its_counter(self):
        q, loaded = Tensor(1, 5, 2, 128), kernel()
        counters = []
        for stream in (1, 1, 2, 1, 2):
            machine.stream = stream
            arguments = self.arguments(loaded.prepare(q, q, q))
            counters.append(word(arguments[7]))
        first, second = (zeroed.data_ptr() for zeroed in machine.zeroed)
        self.assertEqual(counters, [first, first, second, first, second])

    def test_few_items_need_few_ctas(self):
        q = Tensor(1, 193, 3, 128)
        kernel().prepare(q, q, q)()
        self.assertEqual(machine.launches[0][1][0], 6)

    def test_an_axis_of_one_element_gets_the_packed_stride(self):
        q = Tensor(1, 5, 1, 128, strides=(7, 128, -3, 1))
        kernel().prepare(q, q, q)
        self.assertEqual(machine.maps[0][3], [256, 256, 5 * 256])

    def test_residue_classes(self):
        q, k = Tensor(2, 1000, 3, 128), Tensor(2, 700, 3, 128)
        declared = {"name": "dilation", "type": "int", "default": 2, "low": 1, "high": None}
        loaded = kernel(RESIDUE_PARAMETERS, step="dilation", params=[declared])
        arguments = self.arguments(loaded.prepare(q, k, k, params={"dilation": 3}))
        # ceil(ceil(1000 / 3) / 192) tiles of 3 heads of 2 batch elements of 3 classes.
        self.assertEqual(machine.launches[0][1][:3], (2 * 3 * 2 * 3, 1, 1))
        shape = [128, 1 << 30, 3, 0x7FFF0000, 0x7FFF0000]
        strides = [3 * 768, 256, 768, (1 << 34) - 3 * 768]
        self.assertEqual(machine.maps[0][2:5], (shape, strides, [64, 192, 1, 1, 1]))
        self.assertEqual(ctypes.c_int32.from_address(arguments[4]).value, 1000)
        # More classes than queries: each query is one.
        short = Tensor(1, 2, 1, 128)
        keys = Tensor(1, 5, 1, 128)
        loaded.prepare(short, keys, keys, params={"dilation": 9})()
        self.assertEqual(machine.launches[-1][1][0], 2)
        fixed = kernel(RESIDUE_PARAMETERS, step=4)
        same = Tensor(1, 100, 1, 128)
        fixed.prepare(same, same, same)()
        self.assertEqual(machine.launches[-1][1][0], 4)
        with self.assertRaisesRegex(attune.AttuneError, "every 30000000th token is too far"):
            loaded.prepare(q, k, k, params={"dilation": 30_000_000})

    def test_packed_sequences(self):
        q, k = Tensor(1000, 16, 128), Tensor(700, 4, 128)
        cu_q, cu_k = Tensor(4, dtype="int32"), Tensor(4, dtype="int32")
        options = {
            "cu_seqlens_q": cu_q, "cu_seqlens_kv": cu_k, "max_seqlen_q": 600, "max_seqlen_kv": 300,
        }  # fmt: skip
        loaded = kernel(PACKED_PARAMETERS, batching="packed")
        launch = loaded.prepare(q, k, k, **options)
        arguments = self.arguments(launch)
        # min(ceil(600 / 192) * 3, 1000 // 192 + 3) tiles of 16 heads.
        self.assertEqual(machine.launches[0][1][:3], (8 * 16, 1, 1))
        shape = [128, 1 << 30, 16, 0x7FFF0000, 0x7FFF0000]
        strides = [4096, 256, 4096, (1 << 34) - 4096]
        self.assertEqual(machine.maps[0][2:5], (shape, strides, [64, 192, 1, 1, 1]))
        self.assertEqual(machine.maps[1][3][0], 1024)
        self.assertEqual(word(arguments[4]), cu_q.data_ptr())
        self.assertEqual(word(arguments[5]), cu_k.data_ptr())
        sizes = [ctypes.c_int32.from_address(arguments[i]).value for i in range(6, 10)]
        self.assertEqual(sizes, [1000, 700, 3, 600])
        self.assertEqual((launch.out.shape, launch.lse.shape), ((1000, 16, 128), (16, 1000)))
        with self.assertRaisesRegex(attune.AttuneError, "packed, expected cu_seqlens_q"):
            loaded.prepare(q, k, k)
        with self.assertRaisesRegex(attune.AttuneError, "cu_seqlens_kv is int32 .4,.*expected"):
            loaded.prepare(q, k, k, **(options | {"cu_seqlens_q": Tensor(5, dtype="int32")}))
        with self.assertRaisesRegex(attune.AttuneError, "dense, but other sequences"):
            kernel().prepare(Tensor(1, 5, 2, 128), Tensor(1, 5, 2, 128), q, **options)
        none = Tensor(0, 16, 128)
        loaded.prepare(none, k, k, **options)()
        self.assertEqual(len(machine.launches), 1)

    def test_padded_sequences(self):
        q, n = Tensor(3, 200, 16, 128), Tensor(3, dtype="int32")
        loaded = kernel(PADDED_PARAMETERS, batching="padded")
        arguments = self.arguments(loaded.prepare(q, q, q, lengths_q=n, lengths_kv=n))
        self.assertEqual(machine.launches[0][1][:3], (2 * 3 * 16, 1, 1))
        self.assertEqual(ctypes.c_int32.from_address(arguments[6]).value, 200)
        uneven = Tensor(3, 200, 16, 128, strides=(200 * 2048 + 8, 2048, 128, 1))
        with self.assertRaisesRegex(attune.AttuneError, "q has strides .* multiple"):
            loaded.prepare(uneven, q, q, lengths_q=n, lengths_kv=n)

    def test_machine_code_is_loaded_where_it_is_asked_for_and_fits(self):
        self.assertFalse(kernel().built)
        self.assertTrue(kernel(cubin=True).built)
        self.assertFalse(kernel(cubin=True, code=None).built)
        machine.major = 8
        self.assertFalse(kernel(cubin=True).built)
        self.assertTrue(kernel(cubin=True, target="sm_80").built)
        text = PTX + b"\0"
        self.assertEqual(machine.images, [text, CUBIN, text, text, CUBIN])
        with self.assertRaisesRegex(attune.AttuneError, "s.json does not belong to s.cubin"):
            kernel(cubin=True, target="sm_80", code=b"other")

    def test_no_work_is_no_launch(self):
        q = Tensor(2, 0, 3, 128)
        kernel().prepare(q, Tensor(2, 0, 3, 128), Tensor(2, 0, 3, 128))()
        self.assertEqual((machine.launches, machine.maps), ([], []))

    def test_what_tensor_maps_cannot_say_is_refused(self):
        q = Tensor(2, 5, 3, 128)
        none = Tensor(2, 0, 3, 128)
        with self.assertRaisesRegex(attune.AttuneError, "k has no keys"):
            kernel().prepare(q, none, none)
        expanded = Tensor(2, 5, 3, 128, strides=(0, 384, 128, 1))
        with self.assertRaisesRegex(attune.AttuneError, "k has strides .*, expected positive"):
            kernel().prepare(q, expanded, q)

    def test_the_drivers_refusal_is_an_error(self):
        machine.encode = lambda *a: Result.CUDA_ERROR_INVALID_VALUE
        q = Tensor(2, 5, 3, 128)
        with self.assertRaisesRegex(attune.AttuneError, "the tensor map of q: .*INVALID_VALUE"):
            kernel().prepare(q, q, q)
        del machine.encode


if __name__ == "__main__":
    unittest.main()
