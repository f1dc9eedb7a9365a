assert new File(basedir, 'masks/target/classes/attn/near.attn').isFile()
def classes = new File(basedir, 'program/target/classes')
assert new File(classes, 'org/example/program/Layers.class').isFile()
// The spec of the library stays in its jar; its kernels are here.
assert !new File(classes, 'attn/sliding_window.attn').exists()
def kernels = new File(classes, 'org/example/program/sliding_window').list() as List
assert kernels.any { it.endsWith('.ptx') }
assert kernels.any { it.endsWith('.cubin') }
