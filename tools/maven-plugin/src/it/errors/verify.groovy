def log = new File(basedir, 'build.log').text
def file = { java.util.regex.Pattern.quote(new File(basedir, "src/main/attn/$it").path) }
assert log =~ "(?m)ERROR.* ${file('unknown_name.attn')}:2:16: error\\[ATTN\\d+\\]: "
assert log =~ "(?m)ERROR.* ${file('unfinished.attn')}:4:1: error\\[ATTN\\d+\\]: "
assert log.count('BUILD FAILURE') == 1
assert log.contains('2 errors in 2 files')

// What is right is there all the same.
def launchers = new File(basedir, 'target/generated-sources/attn/org/example/attention')
assert launchers.list() as List == ['Right.java']
