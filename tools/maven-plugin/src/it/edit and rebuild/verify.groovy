def builds = new File(basedir, 'build.log').text.split('Maven home: ').tail()
assert builds.length == 3
assert builds[0].contains('[DEBUG] forking ')
assert !builds[1].contains('[DEBUG] forking ')
assert builds[1].contains('[DEBUG] nothing to generate: all is up to date')
// Of a build that changes nothing, that line is all.
assert builds[1].readLines().findAll { it.contains('spec file') || it.contains('generate:') }.size() == 1

def launchers = new File(basedir, 'target/generated-sources/attn/org/example/attention')
def kernels = new File(basedir, 'target/generated-resources/attn/org/example/attention')
def edited = new File(basedir, 'target/edited-at').lastModified()
assert new File(launchers, 'Kept.java').lastModified() < edited
assert new File(launchers, 'Edited.java').lastModified() >= edited
assert new File(kernels, 'edited/kernels.json').text.contains('n : int = 6')
assert !new File(launchers, 'Deleted.java').exists()
assert !new File(kernels, 'deleted').exists()
assert !new File(basedir, 'target/generated-resources/attn/attn/deleted.attn').exists()
