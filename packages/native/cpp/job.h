// A kernel's call off the JavaScript thread. It reads copies of its inputs and writes arrays that JavaScript does not
// see before it is done, so that nothing that happens to tensors or buffers meanwhile can reach it.
#pragma once
#include <napi.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "arguments.h"
#include "kernels.h"

namespace srmcmc {

/// Deletes itself when it is done, as every Napi::AsyncWorker does.
class Job : public Napi::AsyncWorker {
 public:
  explicit Job(Napi::Env env)
      : Napi::AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)), progress_(std::make_shared<Progress>()) {}

  Copies copies;

  /// A new Float32Array, the next of the results. Nobody else holds it, so nobody can detach it.
  float* result(int64_t size) {
    Napi::Float32Array array = Napi::Float32Array::New(Env(), static_cast<size_t>(size));
    results_.push_back(Napi::Persistent(array.As<Napi::Object>()));
    return array.Data();
  }

  /// Starts `body` on another thread; returns { promise of the results, done(), cancel() }.
  Napi::Object start(std::function<void(Progress&)> body) {
    body_ = std::move(body);
    Napi::Object handle = Napi::Object::New(Env());
    handle.Set("promise", deferred_.Promise());
    // They outlive the job.
    const std::shared_ptr<Progress> progress = progress_;
    handle.Set("done", Napi::Function::New(Env(), [progress](const Napi::CallbackInfo& info) {
      return Napi::Number::New(info.Env(), static_cast<double>(progress->done.load()));
    }));
    handle.Set("cancel", Napi::Function::New(Env(), [progress](const Napi::CallbackInfo&) {
      progress->cancelled.store(true);
    }));
    Queue();
    return handle;
  }

 protected:
  void Execute() override {
    try {
      body_(*progress_);
    } catch (const std::bad_alloc&) {
      SetError("out of memory for a kernel's working space");
    }
  }

  void OnOK() override {
    if (progress_->cancelled.load()) {
      Napi::Error error = Napi::Error::New(Env(), "cancelled");
      error.Set("code", Napi::String::New(Env(), "CANCELLED"));
      return deferred_.Reject(error.Value());
    }
    Napi::Array results = Napi::Array::New(Env(), results_.size());
    for (size_t i = 0; i < results_.size(); ++i) results.Set(static_cast<uint32_t>(i), results_[i].Value());
    deferred_.Resolve(results);
  }

  void OnError(const Napi::Error& error) override {
    deferred_.Reject(Napi::RangeError::New(Env(), error.Message()).Value());
  }

 private:
  Napi::Promise::Deferred deferred_;
  std::shared_ptr<Progress> progress_;
  std::function<void(Progress&)> body_;
  std::vector<Napi::ObjectReference> results_;
};

}  // namespace srmcmc
