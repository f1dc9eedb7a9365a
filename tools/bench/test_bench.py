"""Tests of what needs no GPU: plans, tables, charts. Run: python3 -m unittest -v test_bench."""

import contextlib
import io
import json
import pathlib
import tempfile
import unittest
import xml.etree.ElementTree

import chart
import compare
import peers
import plan
import report


def contender(label, kind, ms, operations=1e12, **info):
    return {
        "label": label, "kind": kind, "name": label, "error": None, "unsupported": None,
        "median_ms": ms, "tflops": operations / ms / 1e9 if ms else None, "ms": [ms] * 3,
        "calls": 5, "info": info, "clock_mhz": [1700], "power_w": [690.0], "temperature_c": [55],
    }  # fmt: skip


def result(own=("attune",)):
    rows = []
    for length in (1024, 4096):
        contenders = [contender("cudnn", "peer", 2.0), contender("fa2", "peer", 4.0)]
        contenders.append(contender("ref", "ref", 1.75))
        contenders += [contender(n, "own", 1.6 + 0.1 * i) for i, n in enumerate(own)]
        row = plan.Row("causal", "bf16", (128, 128), 16384 // length, 16, 16, length)
        rows.append(row.json() | {"family": row.family, "live": 0.5, "contenders": contenders})
    device = {"name": "Card", "torch": "2", "cudnn": 9, "nvidia_smi": "Card, 700 W"}
    checks = {"a": {"measures": {"rel": 2e-3}, "error": None, "registers": 168, "local_bytes": 8}}
    return {
        "date": "2026-01-02", "suite": "dense", "device": device, "rows": rows, "checks": checks,
        "failures": {"b": "wrong"}, "left_out": {"c": "no manifest"}, "notes": ["a note"],
    }  # fmt: skip


def manifest(directory, name, spec="causal", dim=128, dtype="bf16", cols=None, **more):
    parameters = [{"name": "q", "type": "u64", "role": "pointer", "of": "q"}]
    if cols:
        parameters.append(
            {"name": "k", "type": "b8", "role": "tensor_map", "of": "k", "box_rows": cols}
        )
    (directory / f"{name}.json").write_text(
        json.dumps(
            {
                "spec": spec, "dtype": dtype, "head_dim": {"qk": dim, "v": dim},
                "rows_per_block": 192, "parameters": parameters, "ptx_sha256": "0",
            } | more  # fmt: skip
        )
    )


class Plans(unittest.TestCase):
    def test_every_variant_has_a_spec(self):
        here = pathlib.Path(__file__).resolve().parent
        folders = here / "attn", here.parents[1] / "specs" / "src" / "main" / "attn"
        known = {file.stem for folder in folders for file in folder.glob("*.attn")}
        self.assertEqual(set(plan.VARIANTS) - known, set())

    def test_packed_kernels_are_for_packed_rows(self):
        rows = plan.rows("packed", ["bf16"], plan.DIMS["packed"])
        self.assertEqual([sum(r.documents) for r in rows], [16384, 16384])
        self.assertEqual(sum(plan.scaled((3, 1, 1), 1001)), 1001)
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            manifest(folder, "dense")
            manifest(folder, "packed", batching="packed")
            kernels, _ = plan.find({"a": folder}, "")
            for suite, expected, other in (
                ("packed", "packed", "causal d128 bf16"),
                ("dense", "dense", "packed causal d128 bf16"),
            ):
                made = plan.make(suite, kernels, [])
                used = {k.file.stem for own in made.own.values() for _, k in own}
                self.assertEqual(used, {expected})
                self.assertEqual(list(made.left_out.values()), [f"{other} is not in {suite}"])

    def test_dense_has_the_rows_of_the_yardstick(self):
        rows = plan.rows("dense", ["bf16"], plan.DIMS["dense"])
        self.assertEqual(18, len(rows))
        self.assertEqual({16384 * 2048}, {r.batch * r.length * r.heads * r.dim[1] for r in rows})
        row = rows[0]
        self.assertEqual("d64 full S=1024", row.title)
        self.assertEqual(4 * 16 * 32 * 1024**2 * 64, row.flops(1.0))

    def test_rows_are_those_that_kernels_compute(self):
        with tempfile.TemporaryDirectory() as name:
            directory = pathlib.Path(name)
            for n in ("one", "two"):
                manifest(directory, n, cols=80)
            manifest(directory, "other", spec="alibi")
            (directory / "broken.json").write_text("{")
            kernels, left_out = plan.find({"attune": directory}, "")
            made = plan.make("dense", kernels, [], [4096], "", left_out)
            self.assertEqual(["d128 causal S=4096"], [r.title for r in made.rows])
            self.assertEqual(["one", "two"], [label for label, _ in made.own[made.rows[0]]])
            self.assertEqual((192, 80), made.own[made.rows[0]][0][1].tile)
            self.assertEqual(["broken.json", "other.json"], sorted(
                pathlib.Path(f).name for f in made.left_out))  # fmt: skip
            one, _ = plan.find({"attune": directory}, "one")
            made = plan.make("dense", one, [])
            self.assertEqual({"attune"}, {label for p in made.own.values() for label, _ in p})
            made = plan.make("dense", one, [], titles="S=1024")
            self.assertEqual(1, len(made.rows))

    def test_sets_have_names(self):
        self.assertEqual({"attune": pathlib.Path("x/a")}, plan.kernel_sets(["x/a"]))
        self.assertEqual(["a", "n", "a3"], list(plan.kernel_sets(["x/a", "n=y", "z/a"])))

    def test_reference_kernels_are_rows_too(self):
        with tempfile.TemporaryDirectory() as name:
            entry = {
                "file": "d64_full_long.ptx", "entry": "fa", "head_dim": 64, "causal": False,
                "block_m": 192, "block_n": 96, "threads": 512, "shared_bytes": 1,
            }  # fmt: skip
            path = pathlib.Path(name) / "kernels.json"
            path.write_text(json.dumps([entry, entry | {"file": "d64_full.ptx"}]))
            references = peers.references(name)
            self.assertEqual(["ref long", "ref"], [r.label for r in references])
            made = plan.make("dense", [], references)
            self.assertEqual({"d64 full"}, {r.family for r in made.rows})
            self.assertTrue(references[0].fits(made.rows[0]))

    def test_sections_hold_keys_and_values_in_the_cache(self):
        self.assertEqual(4, peers.section(16, 16384, 128, True))
        self.assertEqual(1, peers.section(16, 16384, 128, False))
        self.assertEqual(2, peers.section(6, 1024, 64, True))

    def test_dry_run_lists_rows(self):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            compare.main(["--dry-run", "--suite", "gqa", "--rows", "causal"])
        self.assertIn("d128 causal 32/8 heads S=8192: B=2 H=32/8: cudnn, fa2", out.getvalue())

    def test_few_queries_are_rows_of_gqa(self):
        rows = [r for r in plan.rows("gqa", ["bf16"], plan.DIMS["gqa"]) if r.few]
        self.assertEqual([1, 4, 16, 64], [r.queries for r in rows])
        row = rows[2]
        self.assertEqual("d128 full 32/8 heads Sq=16 S=8192", row.title)
        self.assertEqual(4 * 8 * 32 * 16 * 8192 * 128, row.flops(1.0))


class Reports(unittest.TestCase):
    def test_ratios_say_how_many_times_faster(self):
        row = report.finish(result())["rows"][0]
        own = row["contenders"][-1]
        self.assertEqual({"cudnn": 1.25, "fa2": 2.5}, {k: own["ratio"][k] for k in ("cudnn", "fa2")})
        self.assertEqual(("cudnn", "attune"), (row["baseline"], row["best"]))

    def test_grid(self):
        lines = report.table(report.finish(result()))
        self.assertEqual(3, len(lines))
        self.assertEqual(
            "d128 causal S=1024 500 250 0.50 571 1.14 625* 1.25", " ".join(lines[1].split())
        )

    def test_many_contenders_have_a_line_each(self):
        lines = report.table(report.finish(result([f"k{i}" for i in range(9)])))
        self.assertEqual("d128 causal S=1024 S=4096", " ".join(lines[0].split()))
        self.assertEqual("k8 417 0.83 417 0.83", " ".join(lines[-1].split()))

    def test_markdown(self):
        lines = report.markdown(report.finish(result()))
        self.assertEqual(
            "| TFLOP/s: Attune / reference / cudnn / fa2 | S = 1024 | S = 4096 | Attune ÷ cudnn |",
            lines[0],
        )
        cells = "625 / 571 / 500 / 250"
        self.assertEqual(f"| d128 causal | {cells} | {cells} | 1.25 / 1.25 |", lines[2])

    def test_tiles_cost_what_those_of_full_do(self):
        r = result()
        for row, spec, tiles in zip(r["rows"], ("full", "sliding_window"), (100, 40)):
            row |= {"spec": spec, "title": spec, "length": 8192}
            row["contenders"][-1]["info"] = {"tiles": tiles, "tile": "192x80"}
            row["contenders"][-1]["median_ms"] = 2.0 if spec == "full" else 1.0
        self.assertEqual("attune at sliding_window: 1.250", report.tiles(r)[1])

    def test_best_is_one_own_kernel(self):
        r = report.best(report.finish(result(["a", "b"])))
        self.assertEqual(["cudnn", "fa2", "ref", "attune"], report.labels(r))
        self.assertEqual(1.25, r["rows"][0]["contenders"][-1]["ratio"]["cudnn"])
        self.assertEqual({"cudnn", "fa2", "ref"}, r["rows"][0]["contenders"][-1]["ratio"].keys())

    def test_what_was_not_measured_is_said_once(self):
        r = result()
        for row in r["rows"]:
            row["contenders"][1] |= {"median_ms": None, "tflops": None, "error": "no kernel"}
        lines = report.text(report.finish(r))
        expected = "not measured: fa2 at d128 causal S=1024 and 1 rows more: no kernel"
        self.assertIn(expected, lines)
        self.assertIn("168 registers and 8 bytes of local memory: a", lines)
        self.assertIn("FAILED b: wrong", lines)

    def test_summary_names_the_worst_row(self):
        r = result()
        r["rows"][1]["contenders"][-1]["median_ms"] = 2.5
        lines = report.summary(report.finish(r))
        self.assertIn("attune / cudnn: mean 1.000, worst 0.800 at d128 causal S=4096 (2 rows)", lines)

    def test_without_peers_there_are_no_ratios(self):
        r = result()
        for row in r["rows"]:
            row["contenders"] = row["contenders"][-1:]
        self.assertIn("625*", report.table(report.finish(r))[1])
        self.assertEqual([], chart.bars(r))
        xml.etree.ElementTree.fromstring(chart.svg(r))

    def test_results_can_be_read_again(self):
        with tempfile.TemporaryDirectory() as name:
            files = [pathlib.Path(name) / f"{i}.json" for i in range(2)]
            for file in files:
                file.write_text(json.dumps(report.finish(result())))
            again = pathlib.Path(name) / "all.json"
            arguments = [f"--from={f}" for f in files] + ["--json", str(again)]
            with contextlib.redirect_stdout(io.StringIO()):
                compare.main([*arguments, "--chart", f"{name}/all.svg"])
            self.assertEqual(4, len(json.loads(again.read_text())["rows"]))
            self.assertTrue((pathlib.Path(name) / "all.svg").is_file())


class Charts(unittest.TestCase):
    def test_bars_are_as_long_as_ratios(self):
        r = report.finish(result())
        root = xml.etree.ElementTree.fromstring(chart.svg(r))
        space = "{http://www.w3.org/2000/svg}"
        bars = [x for x in root.iter(space + "rect") if x.get("x") == str(chart.LEFT)]
        self.assertEqual(8, len(bars))
        widths = [float(b.get("width")) for b in bars[:4]]
        for width, ratio in zip(widths, (1.0, 0.5, 2 / 1.75, 1.25)):
            self.assertAlmostEqual(ratio, width / widths[0], places=2)
        texts = [x.text for x in root.iter(space + "text")]
        self.assertIn("625 TFLOP/s, 1.25", texts)
        self.assertIn("d128 causal S=4096", texts)


if __name__ == "__main__":
    unittest.main()
