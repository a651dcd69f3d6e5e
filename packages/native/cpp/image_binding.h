// Pooling, resizing and joining of images, as JavaScript sees them.
#pragma once
#include <napi.h>

namespace srmcmc {

/// Adds pool, resizeBilinear and concat.
void add_image_functions(Napi::Object exports);

}  // namespace srmcmc
