#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Makes C functions with random signatures, and what is needed to compare calls of them, and callbacks of the same types, with what the C compiler does:
#
#   abi_cases.pl <seed> <number> <header> <source>
#
# Case i has constants v_i_j, one per argument, and r_i, the result; f_i(...) compares each argument with its constant, field by field, and gives r_i; call_i(code)
# calls code with the constants and compares what comes back. The same seed gives the same files. The last cases have types that a signature's text has
# no word for (complex, 128 bits): their text is null, and they are for what the compiler knows the types of.
use strict;
use warnings;

my ($seed, $number, $header, $source) = @ARGV;
die "usage: abi_cases.pl <seed> <number> <header> <source>\n" unless defined $source;

# Perl's own generator differs between versions.
my $state = $seed * 2654435761 % 2147483647 || 1;
sub random { my ($n) = @_; $state = $state * 48271 % 2147483647; return int($state / 65536) % $n }
sub one_of { return $_[random(scalar @_)] }

# text => [C type, values]
my %scalar = (
  bool => ['bool', sub { random(2) }],
  i8   => ['int8_t', sub { '(int8_t)' . (random(256) - 128) }],
  u8   => ['uint8_t', sub { random(256) }],
  char => ['char', sub { '(char)' . random(127) }],
  i16  => ['int16_t', sub { '(int16_t)' . (random(65536) - 32768) }],
  u16  => ['uint16_t', sub { random(65536) }],
  short => ['short', sub { '(short)' . (random(65536) - 32768) }],
  i32  => ['int32_t', sub { (random(2) ? '-' : '') . (random(32768) * 65536 + random(65536)) }],
  u32  => ['uint32_t', sub { (random(32768) * 2 * 65536 + random(65536)) . 'u' }],
  int  => ['int', sub { random(2) ? -random(30000) : random(30000) }],
  i64  => ['int64_t', sub { 'INT64_C(' . (random(2) ? '-' : '') . (random(32768) * 2**40 + random(32768)) . ')' }],
  u64  => ['uint64_t', sub { 'UINT64_C(' . (random(32768) * 2**40 + random(32768)) . ')' }],
  long => ['long', sub { (random(2) ? '-' : '') . (random(32768) * 2**40 + random(32768)) . 'L' }],
  size => ['size_t', sub { 'UINT64_C(' . (random(32768) * 2**40) . ')' }],
  ptr  => ['void *', sub { '(void *)' . (random(30000) * 8 + 8) }],
  f32  => ['float', sub { (random(30000) - 15000) . '.25f' }],
  f64  => ['double', sub { (random(30000) - 15000) . '.125' }],
  float => ['float', sub { random(30000) . '.75f' }],
  double => ['double', sub { random(30000) . '.375' }],
  f80  => ['long double', sub { (random(30000) - 15000) . '.0625L' }],
);
my @names = sort keys %scalar;
my $half = sub { (random(2) ? '-' : '') . (random(32768) * 2**40 + random(32768)) };
$scalar{c32} = ['float _Complex', sub { random(30000) . '.25f + ' . random(30000) . '.75fi' }];
$scalar{c64} = ['double _Complex', sub { random(30000) . '.125 + ' . random(30000) . '.375i' }];
$scalar{c80} = ['long double _Complex', sub { random(30000) . '.5L + ' . random(30000) . '.0625Li' }];
$scalar{i128} = ['__int128', sub { 'INT64_C(' . $half->() . ') * ((__int128)1 << 64) + ' . random(32768) }];
$scalar{u128} = ['unsigned __int128', sub { '((unsigned __int128)' . random(32768) . ' << 64) + ' . random(32768) }];
my @wide = qw(c32 c64 c80 i128 u128);

my ($declarations, $code, $structs) = ('', '', 0);

sub scalar_type { my ($name) = @_; return {text => $name, c => $scalar{$name}[0], value => $scalar{$name}[1]} }
sub struct_type {
  my ($depth, @pool) = @_;
  # Some of one kind of float (HFAs), some of two eightbytes, some of anything.
  @pool = @{one_of(['f32'], ['f64'], [qw(f32 f64)], [qw(i32 f32 i8)], [qw(i64 f64)], [qw(u8 i16)], \@names, \@names)} unless @pool;
  my @members;
  my $budget = 1 + random(4);
  for my $i (0 .. $budget - 1) {
    my $type = $depth < 3 && random(5) == 0 ? struct_type($depth + 1, random(2) ? @pool : ()) : scalar_type(one_of(@pool));
    my $n = random(5) == 0 ? 1 + random($type->{members} ? 2 : 4) : 0;
    push @members, {name => "m$i", type => $type, n => $n};
  }
  my $name = 'S' . $structs++;
  $declarations .= "typedef struct {\n" . join('', map { "  $_->{type}{c} $_->{name}" . ($_->{n} ? "[$_->{n}]" : '') . ";\n" } @members) . "} $name;\n";
  my $text = '{' . join(', ', map { $_->{n} ? "[$_->{n} x $_->{type}{text}]" : $_->{type}{text} } @members) . '}';
  return {text => $text, c => $name, members => \@members};
}
sub named_struct {
  my @members = map { {name => "m$_", type => scalar_type($_[$_]), n => 0} } 0 .. $#_;
  my $name = 'S' . $structs++;
  $declarations .= "typedef struct {\n" . join('', map { "  $_->{type}{c} $_->{name};\n" } @members) . "} $name;\n";
  return {text => '{' . join(', ', @_) . '}', c => $name, members => \@members};
}
sub any_type { my ($structs_in) = @_; return random(10) < $structs_in ? struct_type(1) : scalar_type(one_of(@names)) }

sub value {
  my ($type) = @_;
  return $type->{value}->() unless $type->{members};
  return '{' . join(', ', map { my $m = $_; $m->{n} ? '{' . join(', ', map { value($m->{type}) } 1 .. $m->{n}) . '}' : value($m->{type}) } @{$type->{members}}) . '}';
}
# Expressions that are true where the two differ.
sub differ {
  my ($type, $a, $b) = @_;
  return ("$a != $b") unless $type->{members};
  return map { my $m = $_; $m->{n} ? (map { differ($m->{type}, "$a.$m->{name}\[$_]", "$b.$m->{name}\[$_]") } 0 .. $m->{n} - 1)
                                   : differ($m->{type}, "$a.$m->{name}", "$b.$m->{name}") } @{$type->{members}};
}
sub differ_text { return join(' || ', differ(@_)) }

# What a library got wrong once: a struct over the last integer register and a floating-point one in use; a struct of one long double as a result.
my @fixed = (
  [undef, (map { scalar_type('i64') } 1 .. 5), scalar_type('f32'), named_struct('i32', 'f32', 'f32', 'f32'), scalar_type('f64'), scalar_type('i64')],
  [scalar_type('f32'), scalar_type('f64'), (map { scalar_type('u16') } 1 .. 5), named_struct('u64', 'f64'), named_struct('u64', 'f64')],
  [named_struct('f80')], [named_struct('f80'), named_struct('f80'), scalar_type('f80')], [named_struct('f64', 'f80', 'u8'), scalar_type('ptr')]);

my $wide = 16;   # the last ones: each wide type as a result, and among others as an argument
my $typed = 24;  # as many of the first ones are instantiated as callback<>, which takes its time to compile
my (@cases, $typed_list, $wide_list);
for my $i (0 .. $number - 1) {
  my $result = random(8) == 0 ? undef : any_type(4);
  my $with_structs = one_of(0, 2, 5);
  my $n = one_of(0, 1, 2, 3, 4, 6, 8, 12, 16);
  my @args = map { any_type($with_structs) } 1 .. $n;
  if ($i < @fixed) { ($result, @args) = @{$fixed[$i]}; $n = @args }
  my $is_wide = $i >= $number - $wide;
  if ($is_wide) {
    my @pool = (@wide, @wide, qw(i32 f64 f32 f80 u8));
    my $type = sub { random(5) == 0 ? struct_type(2, @pool) : scalar_type(one_of(@pool)) };
    $result = $i % 3 == 0 ? struct_type(2, @wide, 'i32') : scalar_type($wide[$i % @wide]);
    @args = map { $type->() } 1 .. ($n = 1 + $i % 16);
  }
  my $r = defined $result ? $result->{c} : 'void';
  $code .= "static $args[$_]{c} v_${i}_$_ = " . value($args[$_]) . ";\n" for 0 .. $#args;
  $code .= "static $r r_$i = " . value($result) . ";\n" if defined $result;
  my $parameters = @args ? join(', ', map { "$args[$_]{c} a$_" } 0 .. $#args) : 'void';
  my $types = @args ? join(', ', map { $_->{c} } @args) : 'void';
  $code .= "static $r f_$i($parameters) {\n";
  $code .= '  if (' . differ_text($args[$_], "a$_", "v_${i}_$_") . ") abi_wrong = " . ($_ + 1) . ";\n" for 0 .. $#args;
  $code .= "  ++abi_calls;\n" . (defined $result ? "  return r_$i;\n" : '') . "}\n";
  $code .= "static void args_$i(void **args) {\n  (void)args;\n";
  $code .= "  $args[$_]{c} const *const a$_ = args[$_];\n  if (" . differ_text($args[$_], "(*a$_)", "v_${i}_$_") . ") abi_wrong = " . ($_ + 1) . ";\n" for 0 .. $#args;
  $code .= "  ++abi_calls;\n}\nstatic int result_$i(const void *at) {\n";
  $code .= defined $result ? "  $r const *const a = at;\n  return " . differ_text($result, '(*a)', "r_$i") . ";\n}\n" : "  (void)at;\n  return 0;\n}\n";
  my $types_of_case = " \\\n  X($i, " . join(', ', $r, map { $_->{c} } @args) . ')';
  $typed_list .= $types_of_case if $i < $typed;
  $wide_list .= $types_of_case if $is_wide;
  my $values = join(', ', map { "v_${i}_$_" } 0 .. $#args);
  my $call = "(($r (*)($types))code)($values)";
  $code .= "static int call_$i(void (*code)(void)) {\n" . (defined $result ? "  $r const got = $call;\n  return result_$i(&got);\n" : "  $call;\n  return 0;\n") . "}\n";
  $code .= "static void *p_${i}[] = {" . join('', map { "&v_${i}_$_, " } 0 .. $#args) . "0};\n";
  my $text = (defined $result ? $result->{text} : 'void') . '(' . join(', ', map { $_->{text} } @args) . ')';
  $text = $is_wide ? 0 : "\"$text\"";
  push @cases, "  {$text, (void (*)(void))f_$i, p_$i, $n, " . (defined $result ? "&r_$i, sizeof r_$i" : '0, 0') . ", args_$i, result_$i, call_$i}";
}

open my $h, '>', $header or die "$header: $!\n";
print $h <<"END";
/* SPDX-License-Identifier: MIT
 * Made by abi_cases.pl from the seed below. */
#ifndef ABI_CASES_H
#define ABI_CASES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#define ABI_SEED $seed
#define ABI_CASES $number
#define ABI_WORDED @{[$number - $wide]} /* as many of the first ones have a text */
/* X(case, result, arguments...) */
#define ABI_TYPED(X)${typed_list}
#define ABI_WIDE(X)${wide_list}

${declarations}struct abi_case {
  const char *signature;              /* null: it has no text */
  void (*function)(void);
  void **args;                        /* where the constants are */
  int arguments;
  const void *result;                 /* null: void */
  size_t result_bytes;
  void (*check_args)(void **args);    /* as function does */
  int (*check_result)(const void *);  /* 0: as it should be */
  int (*call)(void (*code)(void));    /* by the compiler. 0: the result is as it should be */
};
extern const struct abi_case abi_cases[ABI_CASES];
extern int abi_wrong; /* the last wrong argument, from 1 */
extern int abi_calls; /* of functions and of check_args */
#ifdef __cplusplus
}
#endif
#endif
END
close $h or die;
my ($name) = $header =~ m{([^/]+)$};
open my $c, '>', $source or die "$source: $!\n";
print $c "/* SPDX-License-Identifier: MIT\n * Made by abi_cases.pl, seed $seed. */\n#include \"$name\"\n\nint abi_wrong;\nint abi_calls;\n\n";
print $c $code, "\nconst struct abi_case abi_cases[ABI_CASES] = {\n", join(",\n", @cases), "\n};\n";
close $c or die;
