#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# No thread-local base near a switch. A green thread may wake on another OS thread; a compiler that kept the thread-local base
# in a register over the switch would then write into the wrong thread's variables. So, in the disassembly:
#
#   1. a function that contains or inlines a switch (calls or jumps to one, or loads the stack pointer itself) neither reads
#      the thread-local base nor asks for an address that belongs to the thread (errno, exception globals, __tls_get_addr);
#   2. no function of ours reads the base at all, but for the accessors in runtime/os, and the two crossings, which read it anew at each use
#      (thread_words_here). The stack protector's word does not count.
#
#   tls.pl <objdump> [--expect-red <function>] <object, archive or library>...
# With --expect-red the result is turned round: the named planted function must be found guilty of rule 1.
use strict;
use warnings;

my $objdump = shift;
my $planted;
if (@ARGV && $ARGV[0] eq '--expect-red') { shift; $planted = shift }
die "usage: tls.pl <objdump> [--expect-red <function>] <file>...\n" unless @ARGV;

my $switch = qr/\b(cw_arch_switch|jump_fcontext|ontop_fcontext)\b/;
my $base = qr/%fs:(?!0x28\b)|\btpidr_el0\b/;
my $address = qr/\b(__tls_get_addr|__errno_location|__cxa_get_globals(?:_fast)?|_dl_tlsdesc\w*|pthread_self)\b|R_\w*_TLSDESC\w*|\.tlsdesc/;
my $accessor = qr/^causeway::os::(?:\(anonymous namespace\)::)?(?:this_m|set_this_m|thread_note|set_thread_note|set_thread_flags|clear_thread_flags|thread_words|eh_globals)\(|^causeway::(?:inbound::(?:enter|\(anonymous namespace\)::enter_bound)|outbound::(?:call|leaf_begin))\(|^cw_(?:abi_)?(?:enter|enter_callback|enter_user_data|call|leaf_begin)$/;

# x86: a stack pointer loaded from anything but itself or the frame pointer; aarch64: `mov sp, xN` but from the frame pointer.
sub loads_stack_pointer {
  my ($code) = @_;
  return 1 if $code =~ /^(?:mov|xchg|lea)\s.*,%rsp\b/ && $code !~ /%rbp\b.*,%rsp|\(%rsp\)|^mov\s+%rsp/;
  return $code =~ /^mov\s+sp, x(\d+)/ && $1 != 29;
}

my (%function, $current);
open my $in, '-|', $objdump, '-dr', '-C', '--no-show-raw-insn', @ARGV or die "tls: $objdump: $!\n";
while (my $line = <$in>) {
  if ($line =~ /^[0-9a-f]+ <(.+)>:$/) {
    my $name = $1 =~ s/ \[clone [^\]]*\]//gr;   # .cold, .part, .isra belong to their function
    $name =~ s/\.(?:cold|part|isra|constprop|lto_priv)[.\d\w]*$//;
    $current = $function{$name} //= {};
    next;
  }
  next unless $current && $line =~ /^\s+[0-9a-f]+:\s+(.*?)\s*$/;
  my $code = $1;
  $current->{switch} //= $code if $code =~ /^(?:(?:addr32|notrack|bnd|rex\.W) )*(?:callq?|jmpq?|bl|b|R_\w+)\b.*$switch/ || loads_stack_pointer($code);
  $current->{base} //= $code if $code =~ $base;
  $current->{address} //= $code if $code =~ $address;
}
close $in or die "tls: $objdump failed\n";

my (@guilty, @strays, $switches);
for my $name (sort keys %function) {
  my $f = $function{$name};
  $switches++ if $f->{switch};
  my $read = $f->{base} // $f->{address};
  if ($f->{switch} && $read) { push @guilty, $name; print "$name:\n  switches: $f->{switch}\n  reads:    $read\n" unless defined $planted }
  elsif ($f->{base} && $name =~ /^(?:causeway::|cw_)/ && $name !~ $accessor) { push @strays, $name; print "$name: reads the thread-local base: $f->{base}\n" unless defined $planted }
}
printf "%d functions, %d with a switch, %d of them read the thread-local base, %d stray reads\n", scalar keys %function, $switches // 0, scalar @guilty, scalar @strays;
if (defined $planted) {
  my $found = grep { /^\Q$planted\E\b/ } @guilty;
  print $found ? "planted $planted: found\n" : "planted $planted: NOT found, the check is blind\n";
  exit($found ? 0 : 1);
}
die "tls: no function with a switch was found: the wrong file, or a blind check\n" unless $switches;
exit(@guilty || @strays ? 1 : 0);
