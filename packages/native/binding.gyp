{
  "target_defaults": {
    "cflags_cc!": ["-fno-exceptions", "-std=gnu++17", "-std=gnu++20"],
    "cflags_cc": [
      "-std=c++17", "-O3", "-Wall", "-Wextra", "-Wno-psabi", "-fPIC", "-fvisibility=hidden",
      "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"
    ],
    "xcode_settings": {
      "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
      "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
      "MACOSX_DEPLOYMENT_TARGET": "11.0",
      "GCC_OPTIMIZATION_LEVEL": "3",
      "OTHER_CPLUSPLUSFLAGS": ["-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"]
    }
  },
  "targets": [
    {
      "target_name": "isa_portable",
      "type": "static_library",
      "sources": ["cpp/isa_portable.cc", "cpp/bf16/table_portable.cc"]
    },
    {
      "target_name": "srmcmc_native",
      "sources": ["cpp/binding.cc", "cpp/image_binding.cc", "cpp/network_binding.cc", "cpp/short_run_binding.cc", "cpp/dispatch.cc", "cpp/bf16/choose.cc", "cpp/memory.cc", "cpp/thread_pool.cc"],
      "include_dirs": ["<!@(node -p \"require('node-addon-api').include\")"],
      "defines": [
        "NAPI_VERSION=8", "NODE_ADDON_API_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"
      ],
      "dependencies": ["isa_portable"],
      "libraries": ["-pthread"],
      "conditions": [["target_arch=='x64'", { "dependencies": ["isa_avx2", "isa_avx512"] }]]
    }
  ],
  "conditions": [
    ["target_arch=='x64'", {
      "targets": [
        {
          "target_name": "isa_avx2",
          "type": "static_library",
          "sources": ["cpp/isa_avx2.cc", "cpp/bf16/table_avx2.cc"],
          "cflags_cc": ["-mavx2", "-mfma"],
          "xcode_settings": { "OTHER_CPLUSPLUSFLAGS": ["-mavx2", "-mfma"] }
        },
        {
          "target_name": "isa_avx512",
          "type": "static_library",
          "sources": ["cpp/isa_avx512.cc", "cpp/bf16/table_avx512.cc", "cpp/bf16/table_amx.cc"],
          "cflags_cc": [
            "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma",
            "-mprefer-vector-width=512", "-Wno-uninitialized", "-Wno-maybe-uninitialized"
          ],
          "xcode_settings": {
            "OTHER_CPLUSPLUSFLAGS": ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma"]
          }
        }
      ]
    }]
  ]
}
