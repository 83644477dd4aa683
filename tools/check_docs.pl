#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Keeps the documentation true where a machine can: relative links lead somewhere, decision records have their parts, and each
# C function that a page names is declared in a public header.
use strict;
use warnings;

my @complaints;
open my $list, '-|', 'find', '.', '-name', '*.md', '-not', '-path', './build/*', '-not', '-path', './.git/*' or die "find: $!\n";
my @pages = sort map { chomp; s{^\./}{}r } <$list>;
die "no pages: run this in the project's folder\n" unless @pages;

sub slurp { my ($file) = @_; local $/; open my $in, '<', $file or die "$file: $!\n"; return <$in> }

my $headers = join "\n", map { slurp($_) } glob 'include/causeway/*.h';

# The anchor that a heading gets on a page.
sub anchor { my $text = lc $_[0]; $text =~ s/[^\w\s-]//g; $text =~ s/\s/-/g; return $text }

for my $page (@pages) {
  my $text = slurp($page);
  my $folder = $page =~ m{^(.*)/} ? "$1/" : '';
  my $prose = $text =~ s/^```.*?^```//gmsr;

  while ($prose =~ /\]\(([^)\s]+)\)/g) {
    my $link = $1;
    next if $link =~ /^[a-z]+:/;
    my ($path, $anchor) = split /#/, $link, 2;
    my $target = $path eq '' ? $page : $folder . $path;
    1 while $target =~ s{[^/]+/\.\./}{};
    if (!-e $target) { push @complaints, "$page: link to $link: no such file"; next }
    next unless defined $anchor && -f $target;
    my %anchors = map { anchor($_) => 1 } slurp($target) =~ /^#+\s+(.*?)\s*$/gm;
    push @complaints, "$page: link to $link: no such heading" unless $anchors{$anchor};
  }

  my %named;
  $named{$1} = 1 while $text =~ /\b(cw_[a-z0-9_]+)\(/g;
  for my $name (sort keys %named) {
    next if $name =~ /^cw_arch_/;
    push @complaints, "$page: $name() is in no public header" unless $headers =~ /\b\Q$name\E\s*\(/;
  }

  if ($page =~ m{^docs/decisions/\d{4}-}) {
    for my $heading ('Context', 'Decision', 'Rejected', 'Consequences') {
      push @complaints, "$page: has no heading `## $heading`" unless $text =~ /^## $heading\b/m;
    }
  } elsif ($page =~ m{^docs/decisions/} && $page !~ m{/README\.md$}) {
    push @complaints, "$page: a decision is named NNNN-title.md";
  }
}

print "$_\n" for @complaints;
print scalar(@pages), " pages, ", scalar(@complaints), " complaints\n";
exit(@complaints ? 1 : 0);
