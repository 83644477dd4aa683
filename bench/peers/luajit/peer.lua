-- SPDX-License-Identifier: MIT
--
-- The Lua side of the rows of calls; host.cc runs it. Calls out are compiled by LuaJIT. What leads to a callback must not be, LuaJIT
-- says so: those loops are switched off for the compiler and run in its interpreter.

local ffi = require 'ffi'

ffi.cdef [[
  int cw_bench_callee(int value);
  int cw_bench_through(int (*p)(int), int value);
  void cw_bench_call_rounds(int (*p)(int), uint64_t rounds);
]]

local library = ffi.load(...)
local next_value = ffi.cast('int (*)(int)', function(value) return value + 1 end)

local function must_have_counted(sum, calls)
  if sum ~= calls then error('a call was lost') end
end

local function call_in(rounds) ffi.C.cw_bench_call_rounds(next_value, rounds) end

local function nested(rounds)
  local sum = 0
  for _ = 1, rounds do sum = library.cw_bench_through(next_value, sum) end
  must_have_counted(sum, rounds)
end

local function call_out(rounds)
  local sum = 0
  for _ = 1, rounds do sum = library.cw_bench_callee(sum) end
  must_have_counted(sum, rounds)
end

jit.off(call_in)
jit.off(nested)

return { ['call-in'] = call_in, ['nested'] = nested, ['call-out'] = call_out }
