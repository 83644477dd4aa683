// SPDX-License-Identifier: MIT
//
// LuaJIT in the rows of calls: a C++ host that runs peer.lua. Built by bench/run with the system's compiler and package.
//
//   host PEER.LUA LIBRARY SUBJECT/VARIANT [--smoke]
//
// LIBRARY holds the C functions that are called (bench/baseline/callee.cc). A Lua state belongs to one thread; it is a thread of the host.
#include "bench/common/calls.hpp"

#include <lua.hpp>

// The host's loop of calls in, called by the script through LuaJIT's FFI.
extern "C" __attribute__((visibility("default"))) void cw_bench_call_rounds(int (*p)(int), std::uint64_t rounds);

void cw_bench_call_rounds(int (*p)(int), std::uint64_t rounds) { bench::call_rounds(p, rounds); }

namespace {

[[noreturn]] void give_up(lua_State* state) {
  std::fprintf(stderr, "LuaJIT: %s\n", lua_tostring(state, -1));
  std::exit(1);
}

double measure(const bench::Run& run, const char* script, const char* library) {
  lua_State* state = luaL_newstate();
  luaL_openlibs(state);
  // The script answers a table of subjects, each a function of the number of rounds.
  if (luaL_loadfile(state, script) != 0) { give_up(state); }
  lua_pushstring(state, library);
  if (lua_pcall(state, 1, 1, 0) != 0) { give_up(state); }
  lua_getfield(state, -1, run.subject.c_str());
  if (!lua_isfunction(state, -1)) { bench::unknown_row(run); }
  const double ns = bench::ns_per_round(run, [state](std::uint64_t rounds) {
    lua_pushvalue(state, -1);
    lua_pushnumber(state, static_cast<double>(rounds));
    if (lua_pcall(state, 1, 0, 0) != 0) { give_up(state); }
  });
  lua_close(state);
  return ns;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: %s PEER.LUA LIBRARY SUBJECT/VARIANT [--smoke]\n", argv[0]);
    return 2;
  }
  const bench::Run run = bench::parse(argc - 2, argv + 2);
  double ns = 0;
  std::thread([&] { ns = measure(run, argv[1], argv[2]); }).join();
  bench::print(run, "luajit", ns, 0);
  return 0;
}
