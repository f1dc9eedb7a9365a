def builds = new File(basedir, 'build.log').text.split('Maven home: ').tail()
assert builds.length == 2
assert builds[1] =~ /Java version: 25/

def classes = new File(basedir, 'target/classes')
assert new File(basedir, 'target/generated-sources/attn/org/example/attention/WideCausal.java').isFile()
assert new File(classes, 'org/example/Program.class').isFile()
assert new File(classes, 'attn/wide_causal.attn').isFile()
def kernels = new File(classes, 'org/example/attention/wide_causal').list() as List
assert kernels.contains('kernels.json')
assert kernels.any { it.endsWith('.ptx') }

assert new File(basedir, 'target/test-classes/org/example/attention/Diagonal.class').isFile()
assert !new File(classes, 'org/example/attention/Diagonal.class').exists()

assert builds[1].contains('attune:test-compile')
assert builds[1].contains('visit 0 .. q_last')
