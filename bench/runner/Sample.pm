# SPDX-License-Identifier: MIT
#
# One measurement: one child process, one row, one line of JSON.
package Sample;
use strict;
use warnings;
use POSIX qw(WNOHANG);

# The CPUs of a pinned row: the last ones of our own affinity mask, because interrupts and daemons favour the first. Fewer if there are fewer.
sub last_cpus {
  my ($count) = @_;
  open my $in, '<', '/proc/self/status' or return ();
  my ($mask) = map { /^Cpus_allowed_list:\s*(\S+)/ ? $1 : () } <$in>;
  my @cpus = map { /^(\d+)-(\d+)$/ ? ($1 .. $2) : $_ } split /,/, $mask // '';
  return @cpus > $count ? @cpus[-$count .. -1] : @cpus;
}

# `taskset -c LIST` in front of a child that is to run on so many CPUs; nothing where taskset or the mask is missing.
sub pin_prefix {
  my ($count) = @_;
  my @cpus = last_cpus($count);
  return () if !@cpus || system('command -v taskset >/dev/null 2>&1') != 0;
  return ('taskset', '-c', join ',', @cpus);
}

# One flat JSON object of strings and numbers, as the programs print them.
sub parse_line {
  my ($line) = @_;
  my %fields;
  while ($line =~ /"(\w+)"\s*:\s*(?:"([^"]*)"|(-?[0-9.]+(?:[eE][-+]?\d+)?))/g) {
    $fields{$1} = defined $2 ? $2 : $3 + 0;
  }
  return \%fields;
}

# Variables that change how a peer runs; each is measured as its makers ship it.
my @foreign = qw(GOGC GODEBUG GOMAXPROCS GOMEMLIMIT JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS MALLOC_ARENA_MAX LD_PRELOAD
  GLIBC_TUNABLES);

# Runs the child: its fields, or {error => text}.
sub take {
  my ($peer, $row, $smoke) = @_;
  my @command = (@{$peer->{command}->($row)}, $row->{name}, $smoke ? '--smoke' : ());
  unshift @command, pin_prefix($row->{pin}) if $row->{pin};
  my $errors = "$peer->{scratch}/stderr.txt";
  system($peer->{warmer}, 'warm/all-p') if $row->{warm} && !$smoke && -x $peer->{warmer};
  my $pid = open my $out, '-|';
  return {error => "cannot fork: $!"} unless defined $pid;
  if ($pid == 0) {
    delete @ENV{@foreign, grep { /^CAUSEWAY_/ } keys %ENV};
    open STDERR, '>', $errors or exit 126;
    exec {$command[0]} @command or exit 127;
  }
  my ($line, $late) = ('', 0);
  local $SIG{ALRM} = sub { $late = 1; kill 'KILL', $pid };
  alarm $row->{seconds};
  while (my $text = <$out>) { $line = $text if $text =~ /^\{/ }
  close $out;
  alarm 0;
  my $status = $?;
  return {error => "took more than $row->{seconds} s"} if $late;
  if ($status != 0) {
    my $how = $status & 127 ? 'killed by signal ' . ($status & 127) : 'exit status ' . ($status >> 8);
    return {error => $how . first_line($errors)};
  }
  my $fields = parse_line($line);
  return {error => 'printed no result'} unless defined $fields->{ns} && defined $fields->{bytes};
  return {error => "answered row $fields->{row}"} if $fields->{row} ne $row->{name};
  return $fields;
}

sub first_line {
  my ($path) = @_;
  open my $in, '<', $path or return '';
  my $line = <$in> // '';
  chomp $line;
  return length $line ? ': ' . substr($line, 0, 160) : '';
}

1;
