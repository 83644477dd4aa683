# SPDX-License-Identifier: MIT
#
# The peers: found, never installed; built into the build folder, never into the source tree.
#
# prepare() answers {command => sub (row) -> [program], version => text, scratch => folder}, or {why => text} when the peer is
# missing, too old or does not build. That text is what the table shows; `packages` beside it are Debian's names of what is missing, and
# `cannot`, a sub (row) -> text or undef, is for a peer that misses a part of itself. The peers of the rows of calls: Hosts.pm.
package Peers;
use strict;
use warnings;
use File::Path qw(make_path remove_tree);
use Compile;
use Hosts;

my $kGoMinor = 26;  # Go before 1.26 is much slower at the boundary and would be no fair measure
my $kMay = '0.3.51';

my %makers = (
  'causeway' => \&ours, 'baseline' => \&ours, 'floor' => \&ours, 'boost.context' => \&ours,
  'boost.fiber' => \&boost_fiber, 'go' => \&go, 'may' => \&may, 'jni' => \&Hosts::jni, 'luajit' => \&Hosts::luajit, 'cffi' => \&Hosts::cffi,
);

sub names { return qw(causeway baseline floor boost.context boost.fiber go may jni luajit cffi) }

sub prepare {
  my ($name, $source, $build) = @_;
  my $scratch = "$build/bench/peers/$name";
  make_path($scratch);
  my $peer = $makers{$name}->($name, "$source/peers", $scratch, $build);
  $peer->{scratch} = $scratch;
  $peer->{warmer} = "$build/bench/floor_bench";
  return $peer;
}

# The command of a row: the peer's program; for the echo rows the load generator, which starts that program as its server.
sub command_of {
  my ($row, $build, $program) = @_;
  return $row->{name} =~ /^echo/ ? ["$build/bench/echo_load", $program] : [$program];
}

# Programs that Meson built.
sub ours {
  my ($name, $peers, $scratch, $build) = @_;
  my $folder = "$build/bench";
  my $program_of = sub {
    my ($row) = @_;
    return "$folder/" . ($row->{name} =~ /^post/ ? 'cas_bench' : 'call_bench') if $name eq 'baseline';
    return "$folder/" . floor_of($row) if $name eq 'floor';
    return "$folder/fcontext_bench" if $name eq 'boost.context';
    return $row->{name} =~ /^(switch|walk)/ ? "$folder/$1_bench" : "$folder/causeway_bench";
  };
  my ($first) = $program_of->({name => ''});
  if (!-x $first) {
    return {why => 'Boost.Context is not installed', packages => ['libboost-context' . boost_version() . '-dev']} if $name eq 'boost.context';
    return {why => "no $first; configure with -Dbench=true and build"};
  }
  my %version = ('causeway' => 'this build', 'baseline' => 'this build', 'floor' => 'this build',
    'boost.context' => 'Boost ' . boost_version());
  return {command => sub { command_of($_[0], $build, $program_of->($_[0])) }, version => $version{$name}};
}

# What the machine allows: each kind of row has its own program for that.
sub floor_of {
  my ($row) = @_;
  return 'echo_floor_server' if $row->{name} =~ /^echo/;
  return 'stop_bench' if $row->{name} =~ /^stop/;
  return $row->{name} =~ /^ready-run/ ? 'gap_bench' : 'floor_bench';
}

sub boost_version {
  my $compiler = Compile::compiler();
  my $text = `echo '#include <boost/version.hpp>' | $compiler -E -dM -x c++ - 2>/dev/null`;
  return $text =~ /BOOST_LIB_VERSION "(\d+)_(\d+)/ ? "$1.$2" : '';
}

sub boost_fiber {
  my ($name, $peers, $scratch) = @_;
  my $version = boost_version();
  my @packages = (packages => ["libboost-fiber$version-dev"]);
  return {why => 'no Boost headers', @packages} unless length $version;
  my ($code, $program) = ("$peers/boost/boost_bench.cc", "$scratch/boost_bench");
  if (Compile::stale($program, $code, "$peers/../common/bench.hpp")) {
    my $why = Compile::host("$scratch/build.log", "$peers/..", $program, $code, qw(-lboost_fiber -lboost_context));
    return {why => "does not build: $why", @packages} if defined $why;
  }
  return {command => sub { [$program] }, version => "Boost $version"};
}

# Two programs: one of Go alone, and a C++ host with Go linked in for the rows of calls. The second needs a C compiler that Go can use.
sub go {
  my ($name, $peers, $scratch, $build) = @_;
  my ($found, $old);
  for my $tool (split(/:/, $ENV{PATH} // ''), '/usr/local/go/bin', glob('/usr/lib/go-1.*/bin')) {
    next unless -x "$tool/go";
    my ($version) = (`GOTOOLCHAIN=local $tool/go version 2>/dev/null` // '') =~ /go(\d+\.\d+(?:\.\d+)?)/ or next;
    my ($major, $minor) = split /\./, $version;
    if ($major > 1 || $minor >= $kGoMinor) { $found = ["$tool/go", $version]; last }
    $old //= $version;
  }
  return {why => defined $old ? "Go $old is too old, 1.$kGoMinor is needed" : "Go is not installed (1.$kGoMinor or later)"} unless $found;
  my ($tool, $version) = @$found;
  my $program = "$scratch/go_bench";
  local @ENV{qw(GOFLAGS GOTOOLCHAIN CGO_ENABLED GOWORK)} = ('-mod=mod', 'local', '0', 'off');
  my $why = Compile::failure_of("$scratch/build.log", $tool, '-C', "$peers/go", 'build', '-o', $program, '.');
  return {why => "does not build: $why"} if defined $why;
  my ($why_no_host, $host) = Hosts::cgo($tool, $peers, $scratch, $build);
  return {
    command => sub { $_[0]{host} ? [$host] : command_of($_[0], $build, $program) },
    cannot => sub { $_[0]{host} ? $why_no_host : undef },
    version => "Go $version",
  };
}

# Cargo writes a lock file beside the manifest, so it works on a copy. The crate comes from its cache or its registry.
sub may {
  my ($name, $peers, $scratch) = @_;
  return {why => 'cargo is not installed'} if system('command -v cargo >/dev/null 2>&1') != 0;
  my $copy = "$scratch/crate";
  my @files = qw(Cargo.toml src/main.rs src/bench.rs);
  my $program = "$scratch/target/release/causeway-bench-may";
  if (Compile::stale($program, map { "$peers/may/$_" } @files)) {
    remove_tree($copy);
    make_path("$copy/src");
    for my $file (@files) {
      system('cp', "$peers/may/$file", "$copy/$file") == 0 or return {why => "cannot copy $file"};
    }
    local $ENV{CARGO_TARGET_DIR} = "$scratch/target";
    local $ENV{CARGO_NET_RETRY} = 1;
    my $why = Compile::failure_of("$scratch/build.log", qw(cargo build --release --quiet --manifest-path), "$copy/Cargo.toml");
    return {why => "crate may $kMay does not build (no network?): $why"} if defined $why;
  }
  my ($rust) = (`rustc --version 2>/dev/null` // '') =~ /rustc (\S+)/;
  return {command => sub { [$program] }, version => "may $kMay, Rust " . ($rust // 'unknown')};
}

1;
