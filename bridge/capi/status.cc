// SPDX-License-Identifier: MIT
//
// Status codes as text: the group "status" of causeway.h.
#include "bridge/capi/last_error.hpp"
#include "causeway/causeway.h"

extern "C" {

const char* cw_status_name(cw_status status) {
  switch (status) {
#define CW_STATUS_NAME(name, value, text) \
  case name: return #name;
    CW_STATUS_LIST(CW_STATUS_NAME)
#undef CW_STATUS_NAME
  }
  return "CW_E_?";
}

const char* cw_status_text(cw_status status) {
  switch (status) {
#define CW_STATUS_TEXT(name, value, text) \
  case name: return text;
    CW_STATUS_LIST(CW_STATUS_TEXT)
#undef CW_STATUS_TEXT
  }
  return "not a status of this library";
}

const char* cw_last_error(void) { return causeway::capi::last_error(); }

}  // extern "C"
