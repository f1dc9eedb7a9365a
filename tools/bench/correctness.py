"""Checks compiled kernels against float64 and float32 attention: a JSON line per event on stdout.

Started by compare.py as a process of its own, with the manifests to check in order. A kernel that
faults leaves the CUDA context unusable, so the process ends after the first failure of that kind;
whoever started it continues with the rest in a new one.

    python3 correctness.py --suite dense --lengths 1024,4096 FILE.json ...
"""

import argparse
import json
import math
import os
import pathlib
import sys

import plan

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "samples" / "python"))

# Relative error of all of O, of its worst row, and absolute error of LSE. Rounding the probabilities
# and O to the type costs about half the first two.
GATES = {"bf16": (5e-3, 1e-2, 5e-4), "f16": (8e-4, 2e-3, 5e-4)}
FAST = (1.5, 3.0, 20.0)  # times that for a fast tanh, whose error alone is up to 2^-11
EXACT = 1 << 26  # problems of up to so many scores are compared with float64, others with float32
GUARD = 4096  # elements behind each output that nobody may write


def compare(torch, out, lse, expected, expected_lse, gates):
    """(measures, reason of failure or None). A row without a live key has O = 0 and LSE = -inf."""
    outputs = [("O", out, expected)]
    if expected_lse is not None:
        outputs.append(("LSE", lse, expected_lse))
    for name, x, y in outputs:
        wrong = torch.isfinite(x) != torch.isfinite(y)
        if bool(wrong.any()):
            where = wrong.nonzero()[0].tolist()
            bad = float(x[tuple(where)])
            return {}, f"{name} has {int(wrong.sum())} elements of {x.numel()} like {bad} at {where}"
    error = out.to(expected.dtype) - expected
    rows = error.norm(dim=-1) / expected.norm(dim=-1).clamp_min(1e-20)
    found = [float(error.norm() / expected.norm().clamp_min(1e-20)), float(rows.max())]
    names = ["O is off by", "the worst row of O is off by"]
    places = [None, rows]
    if expected_lse is not None:
        lse_error = (lse - expected_lse).abs().nan_to_num(0.0)  # -inf from -inf
        found.append(float(lse_error.max()))
        names.append("LSE is off by")
        places.append(lse_error)
    measures = dict(zip(("rel", "row", "lse"), found))
    for name, x, gate, where in zip(names, found, gates, places):
        if not x <= gate:
            at = ""
            if where is not None:
                at = f" at {[int(i) for i in torch.unravel_index(where.argmax(), where.shape)]}"
                at += f", {int((where > gate).sum())} rows of {where.numel()} over it"
            return measures, f"{name} {x:.2e}, allowed {gate:.0e}{at}"
    return measures, None


def shapes(spec, square, timed):
    """(label, batch, Sq, Skv, Hq, Hkv, params): small awkward ones, then those that are timed."""
    params = timed[0].params if timed else ()
    yield "1x1", 1, 1, 1, 1, 1, params
    yield "ragged 777", 2, 777, 777, 4, 2, params
    if not square:
        yield "300x1001", 1, 300, 1001, 2, 2, params
        yield "1001x300", 1, 1001, 300, 2, 1, params
    for row in timed:
        sq, n = row.queries, row.length
        label = f"Sq={sq} S={n}" if row.few else f"S={n}"
        yield label, row.batch, sq, n, row.heads, row.kv_heads, row.params


def guarded(torch, shape, dtype):
    """An output full of NaN with a guard behind it, and the guard."""
    count = math.prod(shape)
    flat = torch.full((count + GUARD,), math.nan, dtype=dtype, device="cuda")
    flat[count:] = 7
    return flat[:count].view(shape), flat[count:]


def inputs(torch, batch, sq, skv, hq, hkv, dim, dtype):
    """Random q, k, v: slices of one fused tensor where they have the same shape."""
    generator = torch.Generator(device="cuda").manual_seed(sq * 31 + skv)
    options = {"generator": generator, "dtype": dtype, "device": "cuda"}
    if sq == skv and dim[0] == dim[1]:
        fused = torch.randn(batch, sq, hq + 2 * hkv, dim[0], **options)
        return fused.split([hq, hkv, hkv], dim=2)
    q = torch.randn(batch, sq, hq, dim[0], **options)
    return q, *(torch.randn(batch, skv, hkv, d, **options) for d in dim)


def check(torch, kernel, timed, tolerance, cache):
    """(measures of the worst shape, reason of failure or None)."""
    import variants

    m = kernel.manifest
    dim = m["head_dim"]["qk"], m["head_dim"]["v"]
    wider = FAST if m["spec"] in variants.FAST else (1.0, 1.0, 1.0)
    gates = [g * w * tolerance for g, w in zip(GATES[m["dtype"]], wider)]
    worst = {}
    for shape in shapes(m["spec"], m["spec"] in variants.SQUARE, timed):
        label, batch, sq, skv, hq, hkv, params = shape
        q, k, v = inputs(torch, batch, sq, skv, hq, hkv, dim, kernel.dtype)
        variant = variants.build(m["spec"], params, batch, hq, sq, q.device, skv)
        options = {"params": dict(params), "tensors": variant.tensors}
        out, out_guard = guarded(torch, (batch, sq, hq, dim[1]), kernel.dtype)
        lse, lse_guard = guarded(torch, (batch, hq, sq), torch.float32)
        kernel(q, k, v, out=out, lse=lse, **options)
        torch.cuda.synchronize()
        key = (m["spec"], dim, kernel.dtype, shape)
        if key not in cache:
            exact = batch * hq * sq * skv <= EXACT
            cache[key] = variants.reference(variant, q, k, v, dim[0] ** -0.5, exact)
        measures, reason = compare(torch, out, lse, *cache[key], gates)
        if reason is None and not bool((out_guard == 7).all() & (lse_guard == 7).all()):
            reason = "memory behind an output was written"
        if reason is None and (label.startswith("ragged") or label.startswith("S=")):
            again, _ = kernel(q, k, v, **options)
            if not torch.equal(again, out):
                reason = "a second launch gave other bits"
        for name, x in measures.items():
            worst[name] = max(worst.get(name, 0.0), x)
        if reason is not None:
            return worst, f"{label}: {reason}"
    return worst, None


def check_packed(torch, kernel, timed, tolerance):
    """The same of a kernel for packed batches, document by document."""
    import timing
    import variants

    m = kernel.manifest
    dim = m["head_dim"]["qk"], m["head_dim"]["v"]
    gates = [g * tolerance for g in GATES[m["dtype"]]]
    worst = {}
    few = [(300, 0, 1, 129, 0, 70), (5,) * 70]
    for documents, hq, hkv in [(d, 4, 2) for d in few] + [
        (r.documents, r.heads, r.kv_heads) for r in timed
    ]:
        tokens = sum(documents)
        # What follows the last document is of none: it must be neither read nor written.
        all_ = tokens + 9
        q, k, v = (x[0] for x in inputs(torch, 1, all_, all_, hq, hkv, dim, kernel.dtype))
        for x in (q, k, v):
            x[tokens:] = math.nan
        out, out_guard = guarded(torch, (all_, hq, dim[1]), kernel.dtype)
        lse, lse_guard = guarded(torch, (hq, all_), torch.float32)
        kernel(q, k, v, out=out, lse=lse, **timing.packed(documents, q.device))
        torch.cuda.synchronize()
        outside = torch.isnan(out[tokens:]).all() & torch.isnan(lse[:, tokens:]).all()
        if not bool((out_guard == 7).all() & (lse_guard == 7).all() & outside):
            return worst, f"{len(documents)} documents: memory behind them was written"
        start = 0
        for n in filter(None, documents):
            part = slice(start, start + n)
            start += n
            variant = variants.build(m["spec"], (), 1, hq, n, q.device, n)
            own = (x[None, part] for x in (q, k, v))
            expected = variants.reference(variant, *own, dim[0] ** -0.5, hq * n * n <= EXACT)
            measures, reason = compare(torch, out[None, part], lse[None, :, part], *expected, gates)
            for name, x in measures.items():
                worst[name] = max(worst.get(name, 0.0), x)
            if reason is not None:
                return worst, f"document of {n} tokens at {part.start}: {reason}"
    return worst, None


def emit(**event):
    print("@@" + json.dumps(event), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suite", required=True, choices=plan.SUITES)
    parser.add_argument("--lengths", default="", help="of the timed shapes; none for none")
    parser.add_argument("--tolerance", type=float, default=1.0)
    parser.add_argument("manifests", nargs="+")
    arguments = parser.parse_args()
    lengths = [int(x) for x in arguments.lengths.split(",") if x]
    import attune
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    torch.randn(64, 64, device="cuda").mm(torch.randn(64, 64, device="cuda"))
    torch.cuda.synchronize()
    cache = {}
    for manifest in arguments.manifests:
        emit(event="start", file=manifest)
        try:
            kernel = attune.load(manifest)
            m = kernel.manifest
            dim = m["head_dim"]["qk"], m["head_dim"]["v"]
            rows = plan.rows(arguments.suite, [m["dtype"]], [dim], lengths or None)
            timed = [r for r in rows if r.spec == m["spec"]]
            if kernel.batching == "packed":
                timed = timed if lengths else []
            elif not lengths:
                timed = [r for r in timed[:1] if r.params]  # for its params alone
                timed = [plan.dataclasses.replace(r, batch=1, length=640) for r in timed]
            if kernel.batching == "packed":
                measures, reason = check_packed(torch, kernel, timed, arguments.tolerance)
            else:
                measures, reason = check(torch, kernel, timed, arguments.tolerance, cache)
        except Exception as e:  # one bad kernel must not hide the others
            emit(event="done", file=manifest, measures={}, error=f"{type(e).__name__}: {e}")
            try:
                torch.cuda.synchronize()
            except Exception:
                os._exit(3)
            continue
        emit(
            event="done", file=manifest, measures=measures, error=reason,
            registers=kernel.registers, local_bytes=kernel.local_bytes,
        )  # fmt: skip


if __name__ == "__main__":
    main()
