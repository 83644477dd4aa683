# SPDX-License-Identifier: MIT
#
# The rows of the table: who takes part, how often, on which CPUs, and what Causeway has to reach.
#
#   name     subject/variant; `one-p`: one processor, the whole process pinned to one CPU, every peer alike; `all-p`: all CPUs
#   unable   peers that have nothing to measure here, with the reason
#   rounds   at most this many (the first is dropped): 10 for rows of half a second, fewer for the slow ones
#   warm     before each sample a child touches as much memory as the row will need and ends, so that the machine below (a host that
#            takes free memory back) has it ready for whoever comes next: else the first to come pays for the others
#   seconds  a child that takes longer is stopped and counts as broken
#   goals    {metric, faster => n, than => peer}: the peer's median is at least n times ours
#            {metric, at_most => n, of => peer}: ours is at most n times the peer's
#            {metric, limit => n}: ours is at most n
#            A goal against a peer that could not be measured is missed.
package Rows;
use strict;
use warnings;

sub faster { my ($n, $than) = @_; return {metric => 'ns', faster => $n, than => $than} }

my %no_rendezvous = (may => 'it has no channel without a buffer');

my @rows = (
  {name => 'call/plain', what => 'plain call into another shared object', pin => 1, peers => ['baseline'], goals => []},
  {name => 'switch/one-caller', what => 'one switch between two contexts, bare', pin => 1,
    peers => ['causeway', 'boost.context'], goals => [{metric => 'ns', at_most => 0.5, of => 'boost.context'}]},
  {name => 'switch/behind-call', what => 'one switch and the return after it, as in a park', pin => 1,
    peers => ['causeway', 'boost.context'], goals => [{metric => 'ns', at_most => 0.5, of => 'boost.context'}]},
  {name => 'switch/two-callers', what => 'one bare switch, from two places of the code', pin => 1,
    peers => ['causeway', 'boost.context'], goals => []},
  {name => 'yield/one-p', what => 'one yield, two green threads', pin => 1,
    peers => ['causeway', 'go', 'boost.fiber', 'may'], goals => [faster(6, 'go'), faster(3, 'boost.fiber')]},
  {name => 'ping-pong/one-p', what => 'round trip over two unbuffered channels', pin => 1,
    peers => ['causeway', 'go', 'boost.fiber', 'may'], unable => \%no_rendezvous, goals => [faster(4, 'go')]},
  {name => 'ping-pong/all-p', what => 'round trip over two unbuffered channels',
    peers => ['causeway', 'go', 'boost.fiber', 'may'], unable => \%no_rendezvous, goals => [faster(3, 'go')]},
  {name => 'spawn-join/one-p', what => 'one spawn and join, batches of 1000', pin => 1,
    peers => ['causeway', 'go', 'boost.fiber', 'may'], goals => [faster(4, 'go')]},
  {name => 'spawn-join/all-p', what => 'one spawn and join, batches of 1000',
    peers => ['causeway', 'go', 'boost.fiber', 'may'], goals => [faster(4, 'go')]},
  {name => 'parked/one-p', what => '1 000 000 parked green threads, each', pin => 1, warm => 1, rounds => 4, seconds => 180,
    peers => ['causeway', 'floor', 'go'], metrics => ['ns', 'bytes'], goals => []},
  {name => 'parked/all-p', what => '1 000 000 parked green threads, each', warm => 1, rounds => 6, seconds => 180,
    peers => ['causeway', 'floor', 'go'], metrics => ['ns', 'bytes'],
    goals => [{metric => 'bytes', limit => 4700}, {metric => 'ns', at_most => 1.4, of => 'floor'}, faster(1, 'go')]},
  {name => 'churn/all-p', what => '10 000 000 spawned and ended, 100 alive: memory growth after 1 %', rounds => 4, seconds => 180,
    peers => ['causeway', 'go'], metrics => ['bytes', 'ns'], goals => [{metric => 'bytes', limit => 1048576}]},
  {name => 'idle/all-p', what => '10 s of rest after 1 s of work, whole process', rounds => 3, seconds => 60, peers => ['causeway'],
    metrics => ['ns', 'switches'], goals => [{metric => 'ns', limit => 10_000_000}, {metric => 'switches', limit => 20}]},
);

for my $row (@rows) {
  $row->{rounds} //= 10;
  $row->{seconds} //= 60;
  $row->{metrics} //= ['ns'];
  $row->{unable} //= {};
  $row->{results} = {};
}

# The rows of these names or subjects, in the order of the table; all without names. None if a name is unknown.
sub chosen {
  my @names = @_;
  for my $name (@names) {
    return () unless grep { $_->{name} eq $name || $_->{name} =~ m{^\Q$name\E/} } @rows;
  }
  return @rows unless @names;
  return grep { my $row = $_; grep { $row->{name} eq $_ || $row->{name} =~ m{^\Q$_\E/} } @names } @rows;
}

1;
