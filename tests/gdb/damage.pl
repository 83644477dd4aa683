#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# damage.pl SEED PLACES FILE: overwrites words of FILE, at places that the seed chooses. PLACES: damage.py. Says what it did.
# With its own generator of numbers: the same damage on every machine.
use strict;
use warnings;
no warnings 'portable';  # words of 64 bits

my ($seed, $places, $file) = @ARGV;
my $state = $seed * 2654435761 + 1;
sub next_number { my ($below) = @_; $state = ($state * 1103515245 + 12345) % 2147483648; return int($state / 65536) % $below }

open my $in, '<', $places or die "$places: $!\n";
my %areas;
while (<$in>) { my ($offset, $bytes, $what) = /^(\d+) (\d+) (.*)$/ or die "$places: $_"; push @{$areas{$what}}, [$offset, $bytes] }
my @kinds = sort keys %areas;

open my $core, '+<:raw', $file or die "$file: $!\n";
my @did;
for (0 .. next_number(12)) {
  my $kind = $kinds[next_number(scalar @kinds)];
  my ($offset, $bytes) = @{$areas{$kind}[next_number(scalar @{$areas{$kind}})]};
  my $at = $offset + 8 * next_number(int(($bytes + 7) / 8));
  seek $core, $at, 0;
  read $core, my $old, 8;
  next unless length $old == 8;
  # Zeros, ones, one bit, a near address, noise: whatever a damaged word may be.
  my $word = unpack 'Q<', $old;
  my $new = (sub { 0 }, sub { 0xffffffffffffffff }, sub { $word ^ (1 << next_number(48)) }, sub { ($word + 8 * next_number(512)) & 0xffffffffffffffff },
    sub { next_number(32768) << 32 | next_number(32768) << 16 | next_number(32768) }, sub { 0x7ffff0000000 + next_number(32768) })[next_number(6)]->();
  seek $core, $at, 0;
  print $core pack 'Q<', $new;
  push @did, sprintf '%s+%d', $kind, $at - $offset;
}
close $core or die "$file: $!\n";
print join(' ', @did), "\n";
