// The functions of JavaScript that take a whole network.
#pragma once
#include <napi.h>

namespace srmcmc {

void add_network_functions(Napi::Env env, Napi::Object exports);
void add_short_run_functions(Napi::Env env, Napi::Object exports);

}  // namespace srmcmc
