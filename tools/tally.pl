#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Counts one run of `meson test` from its testlog.json: doctest programs by their cases, other tests as one each.
# A skip that tests/skips does not name for this stage is a failure, and so is an expected suite in which nothing ran.
#
#   tally.pl --label <stage> --expect "<suite> <suite>" --exit <status of meson test> [--out <file>] <testlog.json>
#   tally.pl --exclusions <stage>         the doctest cases that the stage leaves out, as doctest's -tce= wants them
#   tally.pl --self-test
use strict;
use warnings;

my $skips_file = 'tests/skips';

# tests/skips: one line each, `stage | suite / test | case, or - for the whole test | reason`.
sub read_skips {
  my %skips;
  open my $in, '<', $skips_file or die "tally: $skips_file: $!\n";
  while (my $line = <$in>) {
    next if $line =~ /^\s*(#|$)/;
    my ($stage, $test, $case, $reason) = map { s/^\s+|\s+$//gr } split /\|/, $line, 4;
    die "tally: $skips_file:$.: wants `stage | suite / test | case | reason`\n" unless defined $reason && length $reason > 10;
    push @{$skips{$stage}{$test}}, $case;
  }
  return \%skips;
}

sub unescape { my ($text) = @_; $text =~ s/\\n/\n/g; $text =~ s/\\(["\\\/])/$1/g; return $text }

# One line of the log: (suites, name, result, output).
sub parse {
  my ($line) = @_;
  my $string = qr/"((?:[^"\\]|\\.)*)"/;
  my ($full) = $line =~ /"name": $string/ or return;
  my ($result) = $line =~ /"result": $string/ or return;
  my ($out) = $line =~ /"stdout": $string/;
  my ($suites, $name) = $full =~ m{^(?:[^:/ ]+:)?(\S+) / (.*)$} ? ($1, $2) : ('', $full);
  return ([split /\+/, $suites], $name, $result, unescape($out // ''));
}

# Sums over the lines of a log: { passed, failed, skipped, ran => {suite => n}, complaints => [...] }
sub tally {
  my ($lines, $named, $expected, $exit) = @_;
  my %sum = (passed => 0, failed => 0, skipped => 0, ran => {}, complaints => []);
  for my $line (@$lines) {
    my ($suites, $name, $result, $out) = parse($line) or next;
    my ($passed, $failed, $skipped) = (0, 0, 0);
    my $test = join('+', @$suites) . " / $name";
    my @cases = @{$named->{$test} // []};
    if ($out =~ /test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed\s*\|\s*(\d+) skipped/) {
      ($passed, $failed, $skipped) = ($2, $3, $4);
      my $allowed = grep { $_ ne '-' } @cases;
      if ($skipped > $allowed) {
        push @{$sum{complaints}}, "$test: $skipped cases skipped, $allowed named in $skips_file";
        $failed += $skipped - $allowed;
        $skipped = $allowed;
      } elsif ($skipped < $allowed) {
        push @{$sum{complaints}}, "$test: $allowed cases named in $skips_file, but only $skipped skipped: take out what is stale";
        $failed++;
      }
      if ($passed + $failed == 0) { push @{$sum{complaints}}, "$test: ran no case"; $failed = 1 }
    }
    if ($result eq 'SKIP') {
      if (grep { $_ eq '-' } @cases) { $skipped++ }
      else { push @{$sum{complaints}}, "$test: skipped, and not named in $skips_file"; $failed++ }
    } elsif ($result eq 'OK' || $result eq 'EXPECTEDFAIL') {
      $passed = 1 if $passed + $failed == 0;
    } else {
      push @{$sum{complaints}}, "$test: $result";
      $failed ||= 1;
    }
    $sum{passed} += $passed;
    $sum{failed} += $failed;
    $sum{skipped} += $skipped;
    $sum{ran}{$_} += $passed + $failed for @$suites;
  }
  for my $suite (@$expected) {
    next if $sum{ran}{$suite};
    push @{$sum{complaints}}, "suite $suite: no test ran";
    $sum{failed}++;
  }
  if ($exit && !$sum{failed}) { push @{$sum{complaints}}, "meson test ended with status $exit"; $sum{failed}++ }
  return \%sum;
}

sub self_test {
  my $cases = sub { qq({"name": "causeway:unit / a", "stdout": "[doctest] test cases: $_[0] | $_[1] passed | $_[2] failed | $_[3] skipped\\n", "result": "$_[4]"}) };
  my $plain = sub { qq({"name": "causeway:$_[0] / b", "result": "$_[1]"}) };
  my @checks = (   # log lines, named skips, expected suites, status => passed, failed, skipped
    [[$cases->(3, 3, 0, 0, 'OK')],            {}, ['unit'], 0, '3 0 0'],
    [[$cases->(3, 2, 1, 0, 'FAIL')],          {}, ['unit'], 1, '2 1 0'],
    [[$cases->(0, 0, 0, 3, 'OK')],            {}, [],       0, '0 3 0'],
    [[$cases->(2, 2, 0, 1, 'OK')],            {}, ['unit'], 0, '2 1 0'],
    [[$cases->(2, 2, 0, 1, 'OK')],            {'unit / a' => ['x']}, ['unit'], 0, '2 0 1'],
    [[$cases->(2, 2, 0, 0, 'OK')],            {'unit / a' => ['x']}, ['unit'], 0, '2 1 0'],
    [[$plain->('death', 'SKIP')],             {}, [],       0, '0 1 0'],
    [[$plain->('death', 'SKIP')],             {'death / b' => ['-']}, [], 0, '0 0 1'],
    [[$plain->('death', 'SKIP')],             {'death / b' => ['-']}, ['death'], 0, '0 1 1'],
    [[$plain->('death', 'TIMEOUT')],          {}, ['death'], 1, '0 1 0'],
    [[$plain->('death', 'OK')],               {}, ['death', 'unit'], 0, '1 1 0'],
    [[],                                      {}, [], 2, '0 1 0'],
  );
  my $bad = 0;
  for my $check (@checks) {
    my ($lines, $named, $expected, $exit, $want) = @$check;
    my $sum = tally($lines, $named, $expected, $exit);
    my $got = "$sum->{passed} $sum->{failed} $sum->{skipped}";
    next if $got eq $want;
    print "self-test: @$lines: counted $got, wanted $want\n";
    $bad++;
  }
  print scalar(@checks) - $bad, " of ", scalar(@checks), " self-tests passed\n";
  exit($bad ? 1 : 0);
}

my %option;
while (@ARGV && $ARGV[0] =~ /^--(.*)/) {
  my $name = $1;
  shift;
  self_test() if $name eq 'self-test';
  $option{$name} = shift;
}
if (my $stage = $option{exclusions}) {
  my %seen;
  my @cases = grep { $_ ne '-' && !$seen{$_}++ } map { @$_ } values %{read_skips()->{$stage} // {}};
  print join(',', map { tr/ ,'"\\/?/r } @cases), "\n";   # as doctest's any-character: nothing that a shell or doctest would split
  exit 0;
}
my $label = $option{label} // die "tally: --label is missing\n";
my @lines;
if (@ARGV && open my $in, '<', $ARGV[0]) { @lines = <$in> }
my $sum = tally(\@lines, read_skips()->{$label =~ s{-programs$}{}r} // {}, [split ' ', $option{expect} // ''], $option{exit} // 0);
print "$label: $_\n" for @{$sum->{complaints}};
my $text = "$sum->{passed} passed, $sum->{failed} failed, $sum->{skipped} skipped";
print "$label: $text\n";
if ($option{out}) {
  open my $out, '>', $option{out} or die "tally: $option{out}: $!\n";
  print $out "$text\n";
}
exit($sum->{failed} ? 1 : 0);
