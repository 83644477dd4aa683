#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Include order: the table of docs/design/layers.md as code. A file may include its own folder, and of a lower row only the
# umbrella header; third-party headers have one home each; CPU and OS macros are tested in arch/, runtime/os and config.h only.
#
#   layers.pl [<source root>]     checks the tree, prints each violation as file:line
#   layers.pl --self-test         plants one wrong include of each kind and wants each to be found
use strict;
use warnings;
use File::Temp;

# Folder => [row, umbrella header]. Lower rows never name higher ones.
my %row = (
  'include/causeway' => [1, undef],
  'arch'             => [2, 'arch/arch.hpp'],
  'runtime/base'     => [3, 'runtime/base/base.hpp'],
  'runtime/os'       => [4, 'runtime/os/os.hpp'],
  'runtime/stack'    => [5, 'runtime/stack/stack.hpp'],
  'runtime/crossing' => [6, 'runtime/crossing/crossing.hpp'],
  'runtime/sched'    => [7, 'runtime/sched/sched.hpp'],
  'runtime/sync'     => [8, 'runtime/sync/sync.hpp'],
  'runtime/io'       => [8, 'runtime/io/io.hpp'],
  'runtime/world'    => [9, 'runtime/world/world.hpp'],
  'runtime/trace'    => [10, 'runtime/trace/trace.hpp'],
  'runtime/heap'     => [11, 'runtime/heap/heap.hpp'],
  'bridge/outbound'  => [12, 'bridge/outbound/outbound.hpp'],
  'bridge/inbound'   => [12, 'bridge/inbound/inbound.hpp'],
  'bridge/closure'   => [13, 'bridge/closure/closure.hpp'],
  'bridge/plugin'    => [13, 'bridge/plugin/plugin.hpp'],
  'bridge/capi'      => [14, 'bridge/capi/capi.hpp'],
);
# What a user sees: the public headers only.
my $outside = qr{^(tests/c|examples)/};
my $free = qr{^(tests/cpp|bench)/};
# Plain values for the preprocessor, wanted by every row (the public headers and arch/ excepted).
my %no_umbrella = ('runtime/base/config.h' => 1);

# Third-party headers => where they may be included.
my @homes = (
  [qr{^ffi(target)?\.h$},  qr{^(bridge/(outbound|closure)|bench)/}],
  [qr{^boost/},            qr{^(arch/portable|examples|tests/cpp/arch|tests/cpp/inbound|bench)/}],
  [qr{^gc(/|\.h|_)},       qr{^runtime/heap/}],
  [qr{^(spdlog|fmt)/},     qr{^bridge/capi/}],
  [qr{^doctest},           qr{^tests/cpp/}],
  [qr{^benchmark/},        qr{^bench/}],
);
my $platform = qr{\b(__x86_64__|__i386__|__aarch64__|__arm__|__riscv|__linux__|__gnu_linux__|__APPLE__|_WIN32|__FreeBSD__)\b};
my $platform_home = qr{^(arch|runtime/os|bench|tests/cpp)/|^(runtime/base/config|include/causeway/chain)\.h$};

sub folder_of {
  my ($path) = @_;
  my ($two) = $path =~ m{^([^/]+/[^/]+)};
  return $two if defined $two && $row{$two};
  my ($one) = $path =~ m{^([^/]+)/};
  return defined $one && $row{$one} ? $one : undef;
}

# Why `file` may not include `header`, or undef.
sub objection {
  my ($file, $header) = @_;
  for my $home (@homes) {
    return "third-party header <$header> is not at home here" if $header =~ $home->[0] && $file !~ $home->[1];
  }
  my $target = $header =~ m{^causeway/} ? "include/$header" : $header;
  my $to = folder_of($target);
  if ($file =~ $outside) { return defined $to && $to ne 'include/causeway' ? "an outside program includes $header" : undef }
  my $from = folder_of($file);
  return undef if $file =~ $free || !defined $from || !defined $to || $from eq $to;
  my ($from_row, $to_row) = ($row{$from}[0], $row{$to}[0]);
  return "$from (row $from_row) includes $header (row $to_row)" if $to_row > $from_row;
  return "$from and $to share row $to_row and may not include each other" if $to_row == $from_row && $to_row != 13;
  return "$from: arch/ includes nothing of ours" if $from eq 'arch';
  my $umbrella = $row{$to}[1];
  return "$header: other folders include only $umbrella" if defined $umbrella && $target ne $umbrella && !$no_umbrella{$target};
  return undef;
}

sub check_tree {
  my ($root) = @_;
  my (@found, $files);
  my @tops = grep { -d "$root/$_" } qw(include arch runtime bridge tests examples bench);
  open my $list, '-|', 'find', (map { "$root/$_" } @tops), '-type', 'f' or die "find: $!";
  while (my $path = <$list>) {
    chomp $path;
    next unless $path =~ /\.(h|hpp|cc|c|S)$/;
    my $file = substr $path, length($root) + 1;
    $files++;
    open my $in, '<', $path or next;   # gone since find saw it
    while (my $line = <$in>) {
      if ($line =~ /^\s*#\s*include\s*[<"]([^>"]+)[>"]/) {
        my $why = objection($file, $1);
        push @found, "$file:$.: $why" if $why;
      } elsif ($line =~ /^\s*#\s*(if|elif|ifdef|ifndef)\b.*$platform/ && $file !~ $platform_home) {
        push @found, "$file:$.: $2 is tested in runtime/base/config.h, arch/ and runtime/os/ only";
      }
    }
  }
  return ($files // 0, @found);
}

sub self_test {
  my %planted = (   # file => [text, what the report must say; undef: nothing]
    'runtime/base/good.cc'      => ['#include "runtime/base/list.hpp"', undef],
    'runtime/sched/good.cc'     => ["#include \"runtime/os/os.hpp\"\n#include \"runtime/base/config.h\"\n#include <causeway/causeway.h>", undef],
    'bench/good.cc'             => ["#include <benchmark/benchmark.h>\n#include \"runtime/sched/run_queue.hpp\"", undef],
    'runtime/base/up.cc'        => ['#include "runtime/sched/sched.hpp"', 'row 7'],
    'runtime/sync/inner.cc'     => ['#include "runtime/sched/run_queue.hpp"', 'only runtime/sched/sched.hpp'],
    'runtime/sync/sideways.cc'  => ['#include "runtime/io/io.hpp"', 'share row 8'],
    'arch/x86_64/ours.cc'       => ['#include <causeway/causeway.h>', 'nothing of ours'],
    'include/causeway/x.hpp'    => ['#include "runtime/base/base.hpp"', 'row 3'],
    'examples/e/e.cc'           => ['#include "runtime/base/base.hpp"', 'outside program'],
    'runtime/os/logs.cc'        => ['#include <spdlog/spdlog.h>', 'not at home'],
    'include/causeway/y.hpp'    => ['#include <boost/context/fiber.hpp>', 'not at home'],
    'runtime/sched/platform.cc' => ["#if defined(__aarch64__)\n#endif", '__aarch64__'],
  );
  my $root = File::Temp->newdir;
  my $bad = 0;
  for my $file (sort keys %planted) {
    my $path = "$root";
    for my $part (split m{/}, $file =~ s{/[^/]+$}{}r) { $path .= "/$part"; mkdir $path }
    open my $out, '>', "$root/$file" or die "$root/$file: $!";
    print $out "$planted{$file}[0]\n";
    close $out;
  }
  my ($files, @found) = check_tree("$root");
  for my $file (sort keys %planted) {
    my @mine = grep { index($_, "$file:") == 0 } @found;
    my $want = $planted{$file}[1];
    my $right = defined $want ? @mine == 1 && index($mine[0], $want) >= 0 : !@mine;
    next if $right;
    print "self-test: $file: reported: @mine; wanted: ", $want // 'nothing', "\n";
    $bad++;
  }
  print "$files planted files, $bad judged wrongly\n";
  exit($bad ? 1 : 0);
}

my $argument = shift // '.';
self_test() if $argument eq '--self-test';
my ($files, @found) = check_tree($argument =~ s{/$}{}r);
print "$_\n" for @found;
print "$files files, ", scalar(@found), " violations\n";
exit(@found || !$files ? 1 : 0);
