// SPDX-License-Identifier: MIT
//
// Causeway, the C++ interface: green threads, where they meet, and calls between them and C, over the C functions of causeway.h. C++20. Each part can also be
// included by itself.
#ifndef CAUSEWAY_CAUSEWAY_HPP
#define CAUSEWAY_CAUSEWAY_HPP

#include <causeway/causeway.h>

#include <causeway/call.hpp>
#include <causeway/callback.hpp>
#include <causeway/channel.hpp>
#include <causeway/condition_variable.hpp>
#include <causeway/enter.hpp>
#include <causeway/entry.hpp>
#include <causeway/error.hpp>
#include <causeway/event.hpp>
#include <causeway/function.hpp>
#include <causeway/green.hpp>
#include <causeway/handle.hpp>
#include <causeway/io.hpp>
#include <causeway/mutex.hpp>
#include <causeway/once.hpp>
#include <causeway/result.hpp>
#include <causeway/runtime.hpp>
#include <causeway/scopes.hpp>
#include <causeway/select.hpp>
#include <causeway/semaphore.hpp>
#include <causeway/shared_mutex.hpp>
#include <causeway/this_green.hpp>
#include <causeway/traceback.hpp>
#include <causeway/wait_group.hpp>
#include <causeway/world.hpp>

#endif  // CAUSEWAY_CAUSEWAY_HPP
