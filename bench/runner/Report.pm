# SPDX-License-Identifier: MIT
#
# From samples to medians, from medians to goals, and both to a terminal, to Markdown and to JSON.
package Report;
use strict;
use warnings;
use POSIX qw(strftime);

# The value below which the share `at` of the sorted numbers lies, between neighbours in proportion.
sub quantile {
  my ($at, @sorted) = @_;
  my $place = $at * $#sorted;
  my $low = int $place;
  my $high = $low < $#sorted ? $low + 1 : $low;
  return $sorted[$low] + ($place - $low) * ($sorted[$high] - $sorted[$low]);
}

sub median { return quantile(0.5, sort { $a <=> $b } @_) }

# What the numbers were taken on, and what makes them doubtful.
sub machine {
  my ($build) = @_;
  my %machine = (date => strftime('%Y-%m-%d %H:%M UTC', gmtime), kernel => (POSIX::uname())[2], warnings => []);
  my @cpu = do { open my $in, '<', '/proc/cpuinfo'; $in ? grep { /^(model name|CPU part)/ } <$in> : () };
  ($machine{cpu}) = map { /:\s*(.+)/ ? $1 : () } @cpu;
  $machine{cpu} //= 'unknown';
  $machine{cpus} = scalar(@cpu) || 1;
  if (open my $in, '<', '/proc/loadavg') {
    ($machine{load}) = split ' ', <$in>;
    push @{$machine{warnings}}, "the load is $machine{load}: other programs are running, so expect a wide spread" if $machine{load} > 0.5;
  }
  my $options = '';
  if (open my $in, '<', "$build/meson-info/intro-buildoptions.json") { local $/; $options = <$in> }
  ($machine{build_type}) = $options =~ /"name": "buildtype", "value": "(\w+)"/;
  $machine{build_type} //= 'unknown';
  push @{$machine{warnings}}, "build type $machine{build_type}: not one to judge speed by"
    if $machine{build_type} !~ /^(release|debugoptimized|unknown)$/;
  push @{$machine{warnings}}, 'no taskset: one-p rows are not pinned' unless Sample::pin_prefix(1);
  return \%machine;
}

# Medians, spreads and goals of every row.
sub count {
  my ($rows, $machine, $peers) = @_;
  my @counted;
  for my $row (@$rows) {
    my (%median, @results, @notes);
    for my $name (grep { $row->{results}{$_} } @{$row->{peers}}) {
      my $result = $row->{results}{$name};
      if ($result->{why}) { push @results, {peer => $name, why => $result->{why}}; next }
      for my $metric (@{$row->{metrics}}) {
        my @all = grep { defined } map { $_->{$metric} } @{$result->{samples}};
        next unless @all;  # not every peer has every number
        my @sorted = sort { $a <=> $b } @all;
        $median{$name}{$metric} = median(@all);
        push @results, {peer => $name, metric => $metric, median => $median{$name}{$metric}, min => $sorted[0], max => $sorted[-1],
          q1 => quantile(0.25, @sorted), q3 => quantile(0.75, @sorted), samples => \@all};
      }
      my @loops = grep { defined } map { $_->{loop_ns} } @{$result->{samples}};
      my $share = @loops && $median{$name}{ns} > 0 ? median(@loops) / $median{$name}{ns} : 0;
      push @notes, sprintf '%s, %s: the loop itself is up to %.0f %% of the time', $row->{name}, $name, 100 * $share if $share > 0.1;
    }
    for my $result (grep { !$_->{why} && $_->{peer} ne 'causeway' } @results) {
      my $ours = $median{causeway}{$result->{metric}};
      $result->{of_ours} = $result->{median} / $ours if $ours;
    }
    my @goals = map { judge($_, \%median, $row) } @{$row->{goals}};
    push @counted, {row => $row->{name}, what => $row->{what}, labels => $row->{labels}, results => \@results, goals => \@goals, notes => \@notes};
  }
  return {machine => $machine, peers => $peers, rows => \@counted};
}

# One goal: {text, found, reached}. Whatever could not be measured is missed.
sub judge {
  my ($goal, $median, $row) = @_;
  my $metric = $goal->{metric};
  my $ours = $median->{causeway}{$metric};
  my $other = $goal->{than} // $goal->{of};
  return judge_own(@_) if $goal->{own};
  my $label = $row->{labels}{$metric};
  my $text = (defined $label ? "$label " : '')
    . ($goal->{limit} ? 'at most ' . value($metric, $goal->{limit}, $row->{name})
      : $goal->{faster} ? ($goal->{faster} == 1 ? "faster than $other" : "$goal->{faster} times faster than $other")
      : $goal->{at_most} == 1 ? "at most that of $other" : "at most $goal->{at_most} times $other");
  my %named = (causeway => $metric, defined $other ? ($other => $goal->{its} // $metric) : ());
  my $theirs = defined $other ? $median->{$other}{$named{$other}} : undef;
  for my $peer (grep { defined } 'causeway', $other) {
    next if defined $median->{$peer}{$named{$peer}};
    my $why = $row->{results}{$peer}{why} // 'left out of this run';
    return {text => $text, found => "$peer not measured: $why", reached => 0};
  }
  if ($goal->{limit}) {
    return {text => $text, found => value($metric, $ours, $row->{name}), reached => $ours <= $goal->{limit} ? 1 : 0};
  }
  my $ratio = $ours > 0 ? ($goal->{faster} ? $theirs / $ours : $ours / $theirs) : 0;
  my $reached = $goal->{faster} ? ($goal->{faster} == 1 ? $ratio > 1 : $ratio >= $goal->{faster}) : $ratio <= $goal->{at_most};
  return {text => $text, found => sprintf('%.2f', $ratio), ratio => $ratio, reached => $reached ? 1 : 0};
}

# A goal that compares two numbers of ours.
sub judge_own {
  my ($goal, $median, $row) = @_;
  my ($metric, $own) = @$goal{qw(metric own)};
  my ($label, $than) = map { $row->{labels}{$_} // $_ } $metric, $own;
  my ($ours, $other) = map { $median->{causeway}{$_} } $metric, $own;
  my $text = "$label: at most "
    . (defined $goal->{above} ? value($metric, $goal->{above}, $row->{name}) . " over $than" : "$goal->{at_most} times $than");
  if (!defined $ours || !defined $other) {
    return {text => $text, found => 'causeway not measured: ' . ($row->{results}{causeway}{why} // 'left out of this run'), reached => 0};
  }
  if (defined $goal->{above}) {
    my $found = $ours - $other;
    my $shown = ($found < 0 ? '-' : '') . value($metric, abs $found, $row->{name});
    return {text => $text, found => $shown, reached => $found <= $goal->{above} ? 1 : 0};
  }
  my $ratio = $other > 0 ? $ours / $other : 0;
  return {text => $text, found => sprintf('%.2f', $ratio), ratio => $ratio, reached => $ratio <= $goal->{at_most} ? 1 : 0};
}

# A number with its unit, as short as it stays honest.
sub value {
  my ($metric, $number, $row) = @_;
  return sprintf '%.0f', $number if $metric eq 'switches';
  return sprintf '%.0f threads', $number if $metric eq 'threads';
  return sprintf '%.0f KiB', $number / 1024 if $metric eq 'bytes' && $row =~ /^churn/;
  return sprintf '%.0f B', $number if $metric eq 'bytes';
  return sprintf '%.2f ms CPU', $number / 1e6 if $row =~ /^idle/;
  return sprintf '%.1f ms', $number / 1e6 if $number >= 1e6;
  return sprintf '%.1f µs', $number / 1e3 if $number >= 1e4;
  return sprintf $number < 100 ? '%.2f ns' : '%.0f ns', $number;
}

# The same as it stands in the table: where a row has several times, each says which one it is.
sub labelled {
  my ($row, $metric, $number) = @_;
  my $label = $row->{labels}{$metric};
  return value($metric, $number, $row->{row}) . (defined $label ? ", $label" : '');
}

# Both tables as lists of cells: what was measured, and what was to be reached.
sub cells {
  my ($report) = @_;
  my @measured = (['row', 'peer', 'median', 'min to max', 'over ours']);
  my @goals = (['row', 'to reach', 'found', '']);
  for my $row (@{$report->{rows}}) {
    for my $result (@{$row->{results}}) {
      if ($result->{why}) { push @measured, [$row->{row}, $result->{peer}, "not measured: $result->{why}", '', '']; next }
      my @spread = map { value($result->{metric}, $result->{$_}, $row->{row}) } qw(min max);
      push @measured, [$row->{row}, $result->{peer}, labelled($row, $result->{metric}, $result->{median}), "$spread[0] to $spread[1]",
        defined $result->{of_ours} ? sprintf('%.2f', $result->{of_ours}) : ''];
    }
    push @goals, [$row->{row}, $_->{text}, $_->{found}, $_->{reached} ? 'reached' : 'missed'] for @{$row->{goals}};
  }
  return (\@measured, \@goals);
}

sub print_table {
  my ($report) = @_;
  for my $table (cells($report)) {
    my @widths = map { my $column = $_; (sort { $b <=> $a } map { length $_->[$column] } grep { $_->[-1] ne '' || $column < 2 } @$table)[0] } 0 .. $#{$table->[0]};
    for my $line (@$table) {
      my $text = join '  ', map { sprintf '%-*s', $widths[$_] // 0, $line->[$_] } 0 .. $#$line;
      print $text =~ s/\s+$//r, "\n";
    }
    print "\n";
  }
  print "note: $_\n" for map { @{$_->{notes}} } @{$report->{rows}};
}

sub markdown {
  my ($report) = @_;
  my $machine = $report->{machine};
  my $text = "$machine->{date}, $machine->{cpus} CPUs, $machine->{cpu}, Linux $machine->{kernel}, build type $machine->{build_type}.\n";
  my $peers = $report->{peers};
  $text .= join(', ', map { $peers->{$_}{why} ? "$_ not measured" : "$_: $peers->{$_}{version}" } grep { $peers->{$_} } Peers::names()) . ".\n\n";
  for my $table (cells($report)) {
    my ($head, @lines) = @$table;
    $text .= '| ' . join(' | ', @$_) . " |\n" for $head, [map { '---' } @$head], @lines;
    $text .= "\n";
  }
  $text .= "- $_\n" for @{$machine->{warnings}}, map { @{$_->{notes}} } @{$report->{rows}};
  return $text;
}

sub write_file {
  my ($path, $text) = @_;
  open my $out, '>', $path or die "bench: $path: $!\n";
  print $out $text;
  close $out or die "bench: $path: $!\n";
}

# Puts the tables between the two marks of the page.
sub replace_results {
  my ($path, $tables) = @_;
  open my $in, '<', $path or die "bench: $path: $!\n";
  my $page = do { local $/; <$in> };
  $page =~ s/(<!-- results:.*?-->\n).*?(<!-- end of results -->)/$1\n$tables\n$2/s or die "bench: $path has lost its marks\n";
  write_file($path, $page);
}

# Perl data to JSON. Strings that look like decimal numbers are written as numbers: nothing here needs the difference.
sub json {
  my ($data) = @_;
  return '[' . join(',', map { json($_) } @$data) . ']' if ref $data eq 'ARRAY';
  return '{' . join(',', map { json_text($_) . ':' . json($data->{$_}) } sort keys %$data) . '}' if ref $data eq 'HASH';
  return 'null' unless defined $data;
  return $data =~ /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[-+]?\d+)?$/ ? $data : json_text($data);
}

sub json_text {
  my ($text) = @_;
  $text =~ s/(["\\])/\\$1/g;
  $text =~ s/([\x00-\x1f])/sprintf '\\u%04x', ord $1/ge;
  return "\"$text\"";
}

sub write_json {
  my ($report, $path) = @_;
  my %peers = map { $_ => plain($report->{peers}{$_}) } keys %{$report->{peers}};
  write_file($path, json({machine => $report->{machine}, peers => \%peers, rows => $report->{rows}}) . "\n");
}

# A peer without its code reference.
sub plain {
  my ($peer) = @_;
  return {map { $_ => $peer->{$_} } grep { defined $peer->{$_} } qw(version why)};
}

1;
