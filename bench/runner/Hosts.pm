# SPDX-License-Identifier: MIT
#
# The peers of the rows of calls: other runtimes, called by a C++ host of ours. Each function finds the runtime, builds the host into
# the scratch folder and answers as Peers::prepare() does; `packages` are those of Debian that would bring what is missing.
package Hosts;
use strict;
use warnings;
use Compile;

# The shared object with the C functions that every host calls.
sub callee { my ($build) = @_; return "$build/bench/libcw_bench_callee.so" }

sub link_callee { my ($build) = @_; return ("-L$build/bench", '-lcw_bench_callee', "-Wl,-rpath,$build/bench") }

# Go as an archive in a C++ host: undef and the program, or why there is none.
sub cgo {
  my ($tool, $peers, $scratch, $build) = @_;
  my ($archive, $program) = ("$scratch/libcausewaypeer.a", "$scratch/cgo_host");
  local @ENV{qw(CGO_ENABLED)} = ('1');
  my $why = Compile::failure_of("$scratch/archive.log", $tool, '-C', "$peers/cgo/archive", qw(build -buildmode=c-archive -o), $archive, '.');
  return "the archive for C does not build: $why" if defined $why;
  if (Compile::stale($program, $archive, "$peers/cgo/host.cc", Compile::shared_headers("$peers/.."))) {
    $why = Compile::host("$scratch/host.log", "$peers/..", $program, "$peers/cgo/host.cc", $archive, link_callee($build));
    return "the host does not build: $why" if defined $why;
  }
  return (undef, $program);
}

# The folder of a Java development kit: JAVA_HOME, that of javac in PATH, or one where Debian puts them.
sub java_home {
  my @homes = grep { defined } $ENV{JAVA_HOME};
  my $javac = `command -v javac 2>/dev/null` // '';
  chomp $javac;
  if (length $javac) {
    chomp(my $path = `readlink -f '$javac'` // '');
    push @homes, $path =~ s{/bin/javac$}{}r;
  }
  push @homes, sort glob '/usr/lib/jvm/*';
  my ($home) = grep { -x "$_/bin/javac" && -e "$_/include/jni.h" && -e "$_/lib/server/libjvm.so" } @homes;
  return $home;
}

sub jni {
  my ($name, $peers, $scratch) = @_;
  my $home = java_home();
  return {why => 'no Java development kit with jni.h and libjvm.so', packages => ['default-jdk-headless']} unless defined $home;
  my ($host, $class, $program) = ("$peers/jni/host.cc", "$scratch/Peer.class", "$scratch/jni_host");
  if (Compile::stale($class, "$peers/jni/Peer.java")) {
    my $why = Compile::failure_of("$scratch/javac.log", "$home/bin/javac", '-d', $scratch, "$peers/jni/Peer.java");
    return {why => "the class does not build: $why"} if defined $why;
  }
  if (Compile::stale($program, $host, Compile::shared_headers("$peers/.."))) {
    my $why = Compile::host("$scratch/build.log", "$peers/..", $program, $host, "-I$home/include", "-I$home/include/linux",
      "-L$home/lib/server", '-ljvm', "-Wl,-rpath,$home/lib/server");
    return {why => "the host does not build: $why"} if defined $why;
  }
  my ($version) = (`'$home/bin/java' -version 2>&1` // '') =~ /version "([^"]+)"/;
  return {command => sub { [$program, $scratch] }, version => 'Java ' . ($version // 'unknown')};
}

sub luajit {
  my ($name, $peers, $scratch, $build) = @_;
  chomp(my $flags = `pkg-config --cflags --libs luajit 2>/dev/null` // '');
  return {why => 'LuaJIT or pkg-config is not installed', packages => ['libluajit-5.1-dev', 'pkg-config']} unless length $flags;
  my ($host, $program) = ("$peers/luajit/host.cc", "$scratch/luajit_host");
  if (Compile::stale($program, $host, Compile::shared_headers("$peers/.."))) {
    my $why = Compile::host("$scratch/build.log", "$peers/..", $program, $host, '-rdynamic', split ' ', $flags);
    return {why => "the host does not build: $why"} if defined $why;
  }
  chomp(my $version = `pkg-config --modversion luajit 2>/dev/null` // '');
  return {command => sub { [$program, "$peers/luajit/peer.lua", callee($build)] }, version => "LuaJIT $version"};
}

# A Python that has cffi: Debian's own, or the one in PATH.
sub cffi {
  my ($name, $peers, $scratch) = @_;
  my $ask = 'import cffi, sys, sysconfig; print(cffi.__version__, sys.version.split()[0], sysconfig.get_paths()["include"])';
  my ($python, $version, $own, $include);
  for my $candidate (qw(/usr/bin/python3 python3)) {
    my ($cffi, $python_version, $path) = split ' ', (`$candidate -c '$ask' 2>/dev/null` // '');
    next unless defined $path && -e "$path/Python.h";
    ($python, $version, $own, $include) = ($candidate, $cffi, $python_version, $path);
    last;
  }
  return {why => 'no Python with cffi and Python.h', packages => [qw(python3-cffi python3-dev)]} unless defined $python;
  my ($script, $code, $module) = ("$peers/cffi/peer.py", "$scratch/module.cpp", "$scratch/_causeway_bench_cffi.so");
  if (Compile::stale($module, $script, Compile::shared_headers("$peers/.."))) {
    my $why = Compile::failure_of("$scratch/emit.log", $python, $script, '--emit', $code)
      // Compile::host("$scratch/build.log", "$peers/..", $module, '-fPIC', '-shared', "-I$include", $code);
    return {why => "the module does not build: $why"} if defined $why;
  }
  return {command => sub { ['env', "PYTHONPATH=$scratch", $python, $script] }, version => "cffi $version, Python $own"};
}

1;
