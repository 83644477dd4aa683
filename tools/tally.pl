#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Counts one run of `meson test` from its testlog.json: doctest programs by their cases, other tests as one each.
# A skip that tests/skips does not name for this stage is a failure, and so is an expected suite in which nothing ran.
#
#   tally.pl --label <stage> --expect "<suite> <suite>" --exit <status of meson test> [--out <file>] <testlog.json>
#   ... --failures <file>                 also writes what failed, with the first lines that say why; no file if nothing did
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

my %escapes = (n => "\n", t => "\t", r => '', b => '', f => '');
sub unescape { my ($text) = @_; $text =~ s/\\(?:u[0-9a-fA-F]{4}|(.))/defined $1 ? $escapes{$1} \/\/ $1 : '?'/ge; return $text }

# A string of a line of the log, as it is there. By steps: a pattern of all of it ends at some 65 000 escapes, without a word but a warning.
sub string_of {
  my ($line, $key) = @_;
  return unless $line =~ /"$key": "/g;
  my $from = pos $line;
  while ($line =~ /(["\\])/g) {
    return substr $line, $from, pos($line) - 1 - $from if $1 eq '"';
    pos($line)++;
  }
  return;
}

# One line of the log: (suites, name, result, output, error output).
sub parse {
  my ($line) = @_;
  my ($full, $result, $out, $err) = map { string_of($line, $_) } qw(name result stdout stderr);
  return unless defined $full && defined $result;
  my ($suites, $name) = $full =~ m{^(?:[^:/ ]+:)?(\S+) / (.*)$} ? ($1, $2) : ('', $full);
  return ([split /\+/, $suites], $name, $result, unescape($out // ''), unescape($err // ''));
}

# What says why a test failed: the first lines with a verdict in them, each doctest one behind its case; else the last lines of all.
my $verdict = qr/ERROR|FAILED|FATAL|fatal:|FAILURE|Sanitizer|runtime error:|^wrong|left over|hung|ended by signal|not ok|refused/;
my ($most_lines, $most_chars, $last_lines) = (12, 300, 5);

sub reasons {
  my ($text) = @_;
  my @lines = grep { /\S/ } split /\n/, $text;
  my ($case, @found) = ('');
  for my $line (@lines) {
    if ($line =~ /^TEST CASE:/) { $case = $line; next }
    next if $line !~ $verdict || $line =~ /^\[doctest\]|^\[\w+\] Status/;
    push @found, $case if $case ne '';
    push @found, $line;
    $case = '';
    last if @found >= $most_lines;
  }
  @found = @lines[($#lines >= $last_lines ? $#lines - $last_lines + 1 : 0) .. $#lines] if !@found && @lines;
  return map { '    ' . substr($_, 0, $most_chars) } @found;
}

# The failed tests of a log, as text.
sub failures {
  my ($lines) = @_;
  my @text;
  for my $line (@$lines) {
    my ($suites, $name, $result, $out, $err) = parse($line) or next;
    next if $result =~ /^(?:OK|SKIP|EXPECTEDFAIL)$/;
    push @text, "  " . join('+', @$suites) . " / $name: $result", reasons("$out\n$err");
  }
  return @text;
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
    [[qq({"name": "causeway:unit / a", "stdout": ") . 'some words\n' x 100000 . q([doctest] test cases: 3 | 3 passed | 0 failed | 0 skipped\n", "result": "OK"})], {}, ['unit'], 0, '3 0 0'],
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
  my $doctest = q(TEST CASE:  good one\\n\\nTEST CASE:  bad \\"one\\"\\n\\na.cc:3: ERROR: CHECK( 1 == 2 ) is NOT correct!\\n[doctest] Status: FAILURE!\\n);
  my @reports = (   # log line, the report
    [$plain->('unit', 'OK'), ''],
    [qq({"name": "causeway:unit / a", "stdout": "$doctest", "result": "FAIL"}),
     qq(  unit / a: FAIL\n    TEST CASE:  bad "one"\n    a.cc:3: ERROR: CHECK( 1 == 2 ) is NOT correct!)],
    ['{"name": "causeway:stress / b", "stdout": "seed 5\\n", "stderr": "the end\\n", "result": "TIMEOUT"}',
     "  stress / b: TIMEOUT\n    seed 5\n    the end"],
  );
  for my $report (@reports) {
    my $got = join "\n", failures([$report->[0]]);
    next if $got eq $report->[1];
    print "self-test: reported\n$got\nwanted\n$report->[1]\n";
    $bad++;
  }
  push @checks, @reports;
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
if ($option{failures}) {
  my @failed = ((map { "  $_" } @{$sum->{complaints}}), failures(\@lines));
  unlink $option{failures};
  if (@failed) {
    open my $out, '>', $option{failures} or die "tally: $option{failures}: $!\n";
    print $out "$_\n" for @failed;
  }
}
exit($sum->{failed} ? 1 : 0);
