"""What is measured: the rows of each suite, and which kernels can compute them. Needs no GPU."""

import dataclasses
import json
import pathlib
import re

TOKENS = 16384
HIDDEN = 2048
DIMS = {
    "dense": ((64, 64), (128, 128), (256, 256)),
    "gqa": ((128, 128),),
    "variants": ((128, 128),),
    "short": ((64, 64), (128, 128)),
    "packed": ((128, 128),),
}
LENGTHS = {
    "dense": (1024, 4096, 16384),
    "gqa": (8192,),
    "variants": (8192,),
    "short": (128, 256, 512, 1024),
    "packed": (16384,),
}
SUITES = tuple(LENGTHS)

# Queries of the suite `gqa` against many keys, as in speculative decoding, and the batch for them.
FEW = (1, 4, 16, 64)
FEW_BATCH = 8

# Documents of the suite `packed`, whose tokens lie one after another: lengths out of TOKENS, scaled
# to the length of a row. One long and many short ones, and documents alike.
DOCUMENTS = {
    "mixed": (8192, 3072, 2048, 1024, 768, 512, 256, 256, 128, 64, 64),
    "even": (1024,) * 16,
}

# Scalars of the spec library as the suite `variants` sets them; what is not named has its default.
VARIANTS = {
    "full": {},
    "causal": {},
    "causal_bottom_right": {},
    "sliding_window": {"window": 1024},
    "softcap": {"cap": 30.0},
    "softcap_fast": {"cap": 30.0},
    "softcap_full": {"cap": 30.0},
    "softcap_full_fast": {"cap": 30.0},
    "alibi": {},
    "relative_position": {},
    "bias_table": {},
    "prefix_lm": {"n": 2048},
    "document_causal": {},
    "dilated_window": {"window": 1024, "dilation": 2},
    "dilated_causal": {"window": 8192, "dilation": 2},
    "streaming_llm": {"window": 1024, "sinks": 4},
    "gemma2_local": {"window": 1024, "cap": 50.0},
    "gpt_oss": {"window": 128},
    "padding": {},
    "relative_bias": {},
    "sigmoid": {"offset": -9.010913},
}


@dataclasses.dataclass(frozen=True)
class Row:
    """One problem: an attention and its sizes. It is one line of the table."""

    spec: str
    dtype: str
    dim: tuple  # of a query or key, of a value
    batch: int
    heads: int
    kv_heads: int
    length: int
    params: tuple = ()  # (name, value) of the scalars that are set
    few: int = 0  # queries, where they are fewer than keys
    documents: tuple = ()  # tokens of each, where the batch is packed

    @property
    def queries(self):
        return self.few or self.length

    @property
    def family(self):
        """What rows of different lengths share."""
        qk, v = self.dim
        width = f"d{qk}" if qk == v else f"d{qk},{v}"
        heads = "" if self.heads == self.kv_heads else f" {self.heads}/{self.kv_heads} heads"
        set_ = "".join(f" {name}={value:g}" for name, value in self.params)
        few = f" Sq={self.few}" if self.few else ""
        dtype = "" if self.dtype == "bf16" else " " + self.dtype
        packed = f" {len(self.documents)} documents" if self.documents else ""
        return f"{width} {self.spec}{set_}{heads}{dtype}{few}{packed}"

    @property
    def title(self):
        return f"{self.family} S={self.length}"

    @property
    def batching(self):
        """How the kernels for it take sequences."""
        return "packed" if self.documents else "dense"

    @property
    def causal(self):
        return self.spec == "causal"

    def flops(self, live):
        """Useful operations: two products over the fraction `live` of all pairs."""
        pairs = self.batch * self.heads * float(self.queries) * self.length
        return 2.0 * sum(self.dim) * pairs * live

    def json(self):
        return dataclasses.asdict(self) | {"params": dict(self.params), "title": self.title}


def rows(suite, dtypes, dims, lengths=None):
    """The rows of a suite, families together and lengths ascending."""
    lengths = lengths or LENGTHS[suite]
    found = []
    for dtype in dtypes:
        for dim in dims:
            heads = max(1, HIDDEN // dim[1])
            if suite in ("dense", "short"):
                shapes = [(spec, heads, heads, ()) for spec in ("full", "causal")]
            elif suite == "packed":
                shapes = [("causal", 32, 8, ())]
            elif suite == "gqa":
                specs = ("full", "causal")
                shapes = [(spec, 32, kv_heads, ()) for spec in specs for kv_heads in (32, 8)]
            else:
                shapes = [(spec, 32, 8, tuple(p.items())) for spec, p in VARIANTS.items()]
            for spec, hq, hkv, params in shapes:
                for length in sorted(lengths):
                    batch = max(1, TOKENS // length)
                    if suite == "packed":
                        found += [
                            Row(spec, dtype, dim, 1, hq, hkv, length, documents=scaled(parts, length))
                            for parts in DOCUMENTS.values()
                        ]
                        continue
                    found.append(Row(spec, dtype, dim, batch, hq, hkv, length, params))
            if suite == "gqa":
                found += [
                    Row("full", dtype, dim, FEW_BATCH, 32, 8, length, (), few)
                    for few in FEW
                    for length in sorted(lengths)
                ]
    return found


def scaled(parts, length):
    """Documents of so many tokens in all, in about the same proportions."""
    total, begun, ends = sum(parts), 0, []
    for part in parts:
        begun += part
        ends.append(begun * length // total)
    return tuple(end - start for start, end in zip([0, *ends], ends))


@dataclasses.dataclass(frozen=True)
class Own:
    """A compiled kernel of a set of kernels."""

    file: pathlib.Path
    group: str
    manifest: dict = dataclasses.field(hash=False, compare=False)

    @property
    def key(self):
        """What a row has to agree with."""
        dim = self.manifest["head_dim"]
        batching = self.manifest.get("batching", "dense")
        return self.manifest["spec"], self.manifest["dtype"], (dim["qk"], dim["v"]), batching

    @property
    def tile(self):
        """(query rows, keys) of a tile, the second None where the manifest does not tell."""
        maps = ("tensor_map", "sequences_tensor_map")
        boxes = {p.get("of"): p for p in self.manifest["parameters"] if p["role"] in maps}
        return self.manifest["rows_per_block"], boxes.get("k", {}).get("box_rows")


def kernel_sets(arguments):
    """{name: directory} of `DIR` and `NAME=DIR`; names are made different."""
    sets = {}
    for text in arguments:
        name, equals, directory = text.partition("=")
        if not equals:
            directory = text
            name = "attune" if len(arguments) == 1 else pathlib.Path(text).resolve().name
        if name in sets:
            name = f"{name}{len(sets) + 1}"
        sets[name] = pathlib.Path(directory)
    return sets


def find(sets, only):
    """(kernels of all sets, {file: reason} of what is no kernel). `only` selects by name."""
    kernels, left_out = [], {}
    for group, directory in sets.items():
        for file in sorted(directory.glob("*.json")):
            if not re.search(only, file.stem):
                continue
            try:
                own = Own(file, group, json.loads(file.read_text()))
                _ = own.key, own.tile, own.manifest["ptx_sha256"]
                kernels.append(own)
            except (OSError, ValueError, KeyError, TypeError) as e:
                left_out[str(file)] = f"no manifest: {type(e).__name__}: {e}"
    return kernels, left_out


@dataclasses.dataclass
class Plan:
    """Rows with the kernels that compute them, each with the label of its column."""

    rows: list
    own: dict  # row: [(label, Own)]
    left_out: dict


def make(suite, kernels, references, lengths=None, titles="", left_out=None, anything=True):
    """Rows of a suite whose title matches and that a kernel, else a reference kernel, computes.

    Where there is neither, all of the suite if `anything`.
    """
    wanted = {k.key for k in kernels}
    if not wanted and anything:
        wanted = {(r.spec, "bf16", (r.dim, r.dim), "dense") for r in references}
    every = not wanted and anything
    dims = sorted({dim for _, _, dim, _ in wanted} or set(DIMS[suite]))
    dtypes = sorted({dtype for _, dtype, _, _ in wanted} or {"bf16"})
    fitting = [
        r
        for r in rows(suite, dtypes, dims, lengths)
        if every or (r.spec, r.dtype, r.dim, r.batching) in wanted
    ]
    selected = [r for r in fitting if re.search(titles, r.title)]
    left_out = dict(left_out or {})
    used = {(r.spec, r.dtype, r.dim, r.batching) for r in fitting}
    for k in kernels:
        if k.key not in used:
            left_out[str(k.file)] = f"{_words(k.key)} is not in {suite}"
    own = {}
    for row in selected:
        fitting = [k for k in kernels if k.key == (row.spec, row.dtype, row.dim, row.batching)]
        own[row] = [(_label(k, fitting), k) for k in fitting]
    return Plan(selected, own, left_out)


def _words(key):
    spec, dtype, dim, batching = key
    return f"{'' if batching == 'dense' else batching + ' '}{spec} d{dim[0]} {dtype}"


def _label(kernel, fitting):
    """The set's name where it has one kernel for a row, else the kernel's own as well."""
    if sum(k.group == kernel.group for k in fitting) == 1:
        return kernel.group
    several = len({k.group for k in fitting}) > 1
    return f"{kernel.group}:{kernel.file.stem}" if several else kernel.file.stem
