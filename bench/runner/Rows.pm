# SPDX-License-Identifier: MIT
#
# The rows of the table: who takes part, how often, on which CPUs, and what Causeway has to reach.
#
#   name     subject/variant; `one-p`: one processor, the whole process pinned to one CPU, every peer alike; else all CPUs it may use
#   pin      so many CPUs are all that the process may use; without it all of our own mask
#   unable   peers that have nothing to measure here, with the reason
#   host     a row of calls: a peer answers it with its C++ host, where it has two programs
#   rounds   at most this many (the first is dropped): 10 for rows of half a second, fewer for the slow ones
#   warm     before each sample a child touches as much memory as the row will need and ends, so that the machine below (a host that
#            takes free memory back) has it ready for whoever comes next: else the first to come pays for the others
#   seconds  a child that takes longer is stopped and counts as broken
#   metrics  the fields of a sample that the table shows; a peer without a field is left out there
#   labels   what to call a metric where the unit does not tell
#   goals    {metric, faster => n, than => peer}: the peer's median is at least n times ours
#            {metric, at_most => n, of => peer}: ours is at most n times the peer's; `its` names the peer's number if that is another
#            {metric, at_most => n, own => other}: our number is at most n times another one of the same run of ours
#            {metric, above => n, own => other}: it is at most that much above the other one
#            {metric, limit => n}: ours is at most n
#            A goal against a peer that could not be measured is missed.
package Rows;
use strict;
use warnings;

sub faster { my ($n, $than) = @_; return {metric => 'ns', faster => $n, than => $than} }

sub no_more { my ($metric, $of) = @_; return {metric => $metric, at_most => 1, of => $of} }

my %no_rendezvous = (may => 'it has no channel without a buffer');

my %latency = (p50_ns => 'median', p99_ns => 'p99', gap_ns => 'longest gap');
my %in_call = (p50_ns => 'median', p99_ns => 'p99', max_ns => 'longest', plain_p99_ns => 'p99 of a plain call', plain_max_ns => 'longest plain call');
my %stops = (p50_ns => 'median', p99_ns => 'p99', few_p50_ns => 'median of 1 000', few_p99_ns => 'p99 of 1 000',
  pause_p50_ns => 'median of the pause', pause_p99_ns => 'p99 of the pause');
my %two_stacks = (ns => 'two stacks in turn', single_ns => 'one stack');
my %lives = (ns => 'life with a call', bare_ns => 'bare life');
my %echo = (ns => 'a message', cpu_ns => 'CPU of the server');

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
  (map { {name => "mutex/$_", what => 'lock, yield, unlock; 100 green threads', pin => $_ eq 'one-p', peers => ['causeway', 'go'], rounds => 6,
    goals => [faster(2, 'go')]} } qw(one-p all-p)),
  (map { {name => "mutex-brief/$_", what => 'lock, unlock; 100 green threads', pin => $_ eq 'one-p', peers => ['causeway', 'go'], rounds => 4,
    goals => []} } qw(one-p all-p)),
  (map { {name => "buffered/$_", what => 'one value through a channel with room for 128', pin => $_ eq 'one-p', peers => ['causeway', 'go'],
    rounds => 6, goals => [faster(2, 'go')]} } qw(one-p all-p)),
  (map { {name => "buffered-many/$_", what => 'the same, 8 senders and 8 receivers', pin => $_ eq 'one-p', peers => ['causeway', 'go'],
    rounds => 4, goals => [faster(2, 'go')]} } qw(one-p all-p)),
  (map { {name => "semaphore/$_", what => 'acquire, yield, release; 4 places, 100 green threads', pin => $_ eq 'one-p',
    peers => ['causeway', 'go'], rounds => 6, goals => [faster(2, 'go')]} } qw(one-p all-p)),
  (map { {name => "select/$_", what => 'one value through a select over 4 channels', pin => $_ eq 'one-p', peers => ['causeway', 'go'],
    rounds => 6, goals => [faster(2, 'go')]} } qw(one-p all-p)),
  {name => 'sleepers/all-p', what => 'lateness of 100 000 sleepers, deadlines over 1 s', rounds => 4, peers => ['causeway', 'go'],
    metrics => ['p50_ns', 'p99_ns'], labels => \%latency, goals => [no_more('p50_ns', 'go'), no_more('p99_ns', 'go')]},
  (map { {name => "ready-run/$_", what => "from ready ($_) to running beside 8 that compute", pin => 2, rounds => 4,
    peers => ['causeway', 'go', 'floor'], metrics => ['p50_ns', 'p99_ns', 'gap_ns'], labels => \%latency,
    goals => [no_more('p99_ns', 'go'), {metric => 'p99_ns', at_most => 3, of => 'floor', its => 'gap_ns'}]} } qw(timer channel)),
  (map { {name => "echo/$_", what => 'message of 64 bytes there and back, 1 000 connections', rounds => 5, peers => ['causeway', 'go', 'floor'],
    metrics => ['ns', 'cpu_ns', 'bytes'], labels => \%echo, goals => [no_more('ns', 'go'), no_more('bytes', 'go')]} } qw(one-p all-p)),
  {name => 'echo-many/all-p', what => 'message of 64 bytes there and back, 10 000 connections', rounds => 3, peers => ['causeway', 'go', 'floor'],
    metrics => ['ns', 'cpu_ns', 'bytes'], labels => \%echo, goals => []},
  {name => 'parked/one-p', what => '1 000 000 parked green threads, each', pin => 1, warm => 1, rounds => 4, seconds => 180,
    peers => ['causeway', 'floor', 'go'], metrics => ['ns', 'bytes'], goals => []},
  {name => 'parked/all-p', what => '1 000 000 parked green threads, each', warm => 1, rounds => 6, seconds => 180,
    peers => ['causeway', 'floor', 'go'], metrics => ['ns', 'bytes'],
    goals => [{metric => 'bytes', limit => 4700}, {metric => 'ns', at_most => 1.4, of => 'floor'}, faster(1, 'go')]},
  {name => 'churn/all-p', what => '10 000 000 spawned and ended, 100 alive: memory growth after 1 %', rounds => 4, seconds => 180,
    peers => ['causeway', 'go'], metrics => ['bytes', 'ns'], goals => [{metric => 'bytes', limit => 1048576}]},
  {name => 'idle/all-p', what => '10 s of rest after 1 s of work, whole process', rounds => 3, seconds => 60, peers => ['causeway'],
    metrics => ['ns', 'switches'], goals => [{metric => 'ns', limit => 10_000_000}, {metric => 'switches', limit => 20}]},
  {name => 'call-in/bound', what => 'call in from a bound foreign thread, int(int)', pin => 1, host => 1,
    peers => ['causeway', 'baseline', 'go', 'jni', 'luajit', 'cffi'],
    goals => [{metric => 'ns', at_most => 4, of => 'baseline'}, faster(9, 'go'), faster(8, 'jni')]},
  {name => 'call-in/eight-threads', what => 'the same from 8 foreign threads at once on 2 CPUs, time over all calls', pin => 2, host => 1, rounds => 6,
    peers => ['causeway', 'go'], goals => [faster(6, 'go')]},
  (map { {name => "call-in/$_->[0]", what => $_->[1], pin => 1, rounds => 6, peers => ['causeway'],
    metrics => ['ns', 'plain_ns'], labels => {plain_ns => 'a plain call'}, goals => [{metric => 'ns', at_most => 6, own => 'plain_ns'}]} }
    ['with-state', 'call in of a callback with state, int(int)'], ['user-data', 'call in of a callback found by its user data, int(void *, int)']),
  {name => 'closure/create-close', what => 'a callback made and closed; beside it a closure of libffi allocated, prepared and freed', pin => 1, rounds => 6,
    peers => ['causeway'], metrics => ['ns', 'ffi_ns'], labels => {ffi_ns => "libffi's"}, goals => [{metric => 'ns', at_most => 4, own => 'ffi_ns'}]},
  {name => 'exception/tunnel', what => 'an exception out of a callback, over 4 frames of C, to the call out; beside it a plain throw and catch over them', pin => 1,
    rounds => 6, peers => ['causeway'], metrics => ['ns', 'plain_ns'], labels => {plain_ns => 'a plain throw'},
    goals => [{metric => 'ns', at_most => 2, own => 'plain_ns'}]},
  (map { {name => "alternate/$_", what => 'calls in from the native and a coroutine stack in turn, the switch excluded', pin => 1, host => 1, rounds => 6,
    peers => ['causeway', 'go'], metrics => ['ns', 'single_ns'], labels => \%two_stacks,
    goals => [{metric => 'ns', at_most => 2, own => 'single_ns'}]} } qw(pthread main-thread)),
  {name => 'first-call/new-thread', what => 'create a thread, call in once, join it', pin => 1, host => 1, rounds => 6, peers => ['causeway', 'go'],
    metrics => ['ns', 'bare_ns'], labels => \%lives, goals => [{metric => 'ns', at_most => 1.1, own => 'bare_ns'}]},
  {name => 'call-latency/beside-8', what => 'single calls in beside 8 that compute, 200 us of sleep between', pin => 2, host => 1, rounds => 4,
    peers => ['causeway', 'go'], metrics => ['p50_ns', 'p99_ns', 'max_ns', 'plain_p99_ns', 'plain_max_ns'], labels => \%in_call,
    goals => [{metric => 'p99_ns', above => 5000, own => 'plain_p99_ns'}, {metric => 'max_ns', at_most => 2, own => 'plain_max_ns'}]},
  {name => 'nested/round-trip', what => 'managed code calls C, which calls managed code', pin => 1, host => 1,
    peers => ['causeway', 'go', 'jni', 'luajit'], goals => [faster(4, 'go')]},
  {name => 'call-out/quick', what => 'call out, int(int), to any C code', pin => 1, host => 1,
    peers => ['causeway', 'baseline', 'go', 'jni', 'luajit'], goals => [faster(4, 'go'), faster(1, 'jni')]},
  {name => 'call-out/leaf', what => 'call out, int(int), to C that never waits or calls back', pin => 1, host => 1,
    peers => ['causeway', 'baseline', 'luajit'], goals => [{metric => 'ns', at_most => 2.2, of => 'baseline'}]},
  (map { {name => "call-in/$_", what => "call in of a signature known at run time; beside it a raw libffi closure: $_", pin => 1, host => 1, rounds => 6,
    peers => ['causeway'], metrics => ['ns', 'ffi_ns'], labels => {ffi_ns => 'a libffi closure'}, goals => [{metric => 'ns', at_most => 1.8, own => 'ffi_ns'}]} }
    qw(run-time-ints run-time-floats run-time-struct)),
  (map { {name => "call-out/$_", what => "call out of a signature known at run time; beside it ffi_call: $_", pin => 1, rounds => 6, peers => ['causeway'],
    metrics => ['ns', 'ffi_ns'], labels => {ffi_ns => 'ffi_call'}, goals => [{metric => 'ns', at_most => 1.5, own => 'ffi_ns'}]} }
    qw(run-time-ints run-time-floats run-time-struct run-time-stack)),
  (map { {name => "handle-get/$_", what => "lookup of a user's handle, by $_ at once", pin => $_ eq 'one' ? 1 : 2, rounds => 6, peers => ['causeway'],
    metrics => ['ns', 'plain_ns'], labels => {plain_ns => 'a plain call'}, goals => [{metric => 'ns', at_most => 3, own => 'plain_ns'}]} } qw(one two)),
  {name => 'post/foreign-thread', what => 'one post, a worker awake; baseline: a pair of CAS', pin => 2, peers => ['causeway', 'baseline'],
    goals => [{metric => 'ns', at_most => 6, of => 'baseline'}]},
  {name => 'parked-posts/two-p', what => '100 000 posts that all wait', pin => 2, rounds => 4, peers => ['causeway'],
    metrics => ['threads', 'ns', 'bytes'], goals => [{metric => 'threads', limit => 16}]},
  {name => 'stop/two-busy', what => 'a stop of the world and its end, beside two that compute', pin => 2, rounds => 6,
    peers => ['causeway', 'go', 'floor'], metrics => ['p50_ns', 'p99_ns', 'pause_p50_ns', 'pause_p99_ns'], labels => \%stops,
    goals => [map { no_more($_, 'go') } qw(p50_ns p99_ns)]},
  {name => 'stop/parked', what => 'the same beside 1 000 000 that wait, and beside 1 000', pin => 2, warm => 1, rounds => 4, seconds => 180,
    peers => ['causeway'], metrics => ['p50_ns', 'p99_ns', 'few_p50_ns', 'few_p99_ns'], labels => \%stops,
    goals => [{metric => 'p50_ns', at_most => 1.3, own => 'few_p50_ns'}]},
  {name => 'traceback/all-p', what => 'traceback of 10 000 green threads with symbols, for each', rounds => 6, peers => ['causeway', 'go'],
    metrics => ['ns', 'first_ns', 'bytes'], labels => {first_ns => 'the first one'}, goals => [faster(1, 'go')]},
  {name => 'walk/frame-pointers', what => 'a walk of 30 frames by frame pointers, for each', pin => 1, peers => ['causeway'],
    metrics => ['ns', 'plain_ns'], labels => {plain_ns => 'a plain call'}, goals => [{metric => 'ns', at_most => 20, own => 'plain_ns'}]},
);

for my $row (@rows) {
  $row->{rounds} //= 10;
  $row->{seconds} //= 60;
  $row->{metrics} //= ['ns'];
  $row->{unable} //= {};
  $row->{labels} //= {};
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
