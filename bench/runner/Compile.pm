# SPDX-License-Identifier: MIT
#
# How the runner builds a peer: one command at a time, its output in a log, and only when a source is newer than the result.
package Compile;
use strict;
use warnings;

# The system's compiler, as the build folder was made with it.
sub compiler { return $ENV{CXX} || 'c++' }

# Runs a command with its output in a log; the first line of it that tells of an error when it fails, undef when it went well.
sub failure_of {
  my ($log, @command) = @_;
  my $pid = fork;
  return "cannot fork: $!" unless defined $pid;
  if ($pid == 0) {
    open STDOUT, '>', $log or exit 126;
    open STDERR, '>&', \*STDOUT or exit 126;
    open STDIN, '<', '/dev/null' or exit 126;
    exec {$command[0]} @command or exit 127;
  }
  waitpid $pid, 0;
  return undef if $? == 0;
  open my $in, '<', $log or return 'failed';
  my ($line) = grep { /error|cannot|not found|failed/i } <$in>;
  chomp($line //= 'see ' . $log);
  return substr $line, 0, 160;
}

# Is `path` older than any of the sources?
sub stale {
  my ($path, @sources) = @_;
  my $built = (stat $path)[9] or return 1;
  return scalar grep { ((stat $_)[9] // 0) > $built } @sources;
}

# The headers that the C++ sides of the peers share.
sub shared_headers {
  my ($source) = @_;
  return glob "$source/common/*.hpp";
}

# Compiles a C++ side of a peer the way ours is compiled: undef, or why not.
sub host {
  my ($log, $source, $program, @rest) = @_;
  return failure_of($log, compiler(), qw(-std=c++20 -O2 -DNDEBUG -D_GNU_SOURCE -U_FORTIFY_SOURCE -pthread), "-I$source/..", '-o', $program, @rest);
}

1;
