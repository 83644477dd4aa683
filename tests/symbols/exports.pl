#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# What the shared library shows to the world: exactly the CW_API names of the public headers, which are exactly the names that
# the version script lists; no unique symbols (they would keep other libraries from unloading), a stack that is not executable,
# and the nodelete mark.
#
#   exports.pl <shared library> <include folder> <version script> <nm> <readelf>
use strict;
use warnings;

my ($library, $include, $script, $nm, $readelf) = @ARGV;
die "usage: exports.pl <library> <include> <version script> <nm> <readelf>\n" unless defined $readelf;
my $bad = 0;
sub complain { print "@_\n"; $bad++ }

sub slurp { my ($file) = @_; local $/; open my $in, '<', $file or die "$file: $!\n"; return <$in> }
sub lines_of { my @command = @_; open my $in, '-|', @command or die "@command: $!\n"; my @lines = <$in>; close $in or die "@command failed\n"; return @lines }

sub difference {
  my ($what_a, $a, $what_b, $b) = @_;
  complain("$_: in $what_a, not in $what_b") for grep { !$b->{$_} } sort keys %$a;
}

my %declared;
for my $header (glob "$include/causeway/*.h") {
  my $text = slurp($header);
  $text =~ s{/\*.*?\*/}{ }gs;
  $text =~ s{//[^\n]*}{ }g;
  $text =~ s{^\s*#(?:\\\n|[^\n])*}{ }gm;
  $declared{$1} = 1 while $text =~ /\bCW_API\b[^;{(]*?(?:\(\*\s*)?\b(cw_\w+)\s*[(;\[]/g;
}

my %listed;
my $text = slurp($script);
$text =~ s{/\*.*?\*/|#[^\n]*}{ }gs;
while ($text =~ /global:(.*?)(?:local:|\})/gs) { $listed{$_} = 1 for grep { length } map { s/^\s+|\s+$//gr } split /;/, $1 }
complain("$_: the version script lists names, not patterns") for grep { /[*?\[]/ } keys %listed;

my %exported;
for my $line (lines_of($nm, '-D', '--defined-only', $library)) {
  my ($type, $name) = $line =~ /^\S+\s+(\S)\s+([^\s@]+)/ or next;
  next if $type eq 'A';   # the version node itself
  $exported{$name} = 1;
  complain("$name: a unique symbol (type u)") if $type eq 'u';
}

complain("no CW_API name in $include/causeway/*.h") unless %declared;
difference('the headers', \%declared, 'the version script', \%listed);
difference('the version script', \%listed, 'the headers', \%declared);
difference('the version script', \%listed, 'the library', \%exported);
difference('the library', \%exported, 'the version script', \%listed);

# Unique symbols are a matter of the whole image, exported or not.
for my $line (lines_of($nm, $library)) { complain("$1: a unique symbol (type u)") if $line =~ /^\S+\s+u\s+(\S+)/ }

my ($stack) = grep { /GNU_STACK/ } lines_of($readelf, '-lW', $library);
complain('no GNU_STACK header: the stack would be executable') unless defined $stack;
complain("executable stack: $stack") if defined $stack && $stack =~ /\bRWE\b/;
my @dynamic = lines_of($readelf, '-dW', $library);
complain('text relocations: the code is not position independent') if grep { /TEXTREL/ } @dynamic;   # LM-02
complain('FLAGS_1 lacks NODELETE') unless grep { /FLAGS_1.*NODELETE/ } @dynamic;
complain('text relocations') if grep { /TEXTREL/ } @dynamic;

printf "%d names declared, %d listed, %d exported, %d complaints\n", scalar keys %declared, scalar keys %listed, scalar keys %exported, $bad;
exit($bad ? 1 : 0);
