// SPDX-License-Identifier: MIT
//
// The JVM in the rows of calls, through JNI: a C++ host that starts it. Built by bench/run with javac and the system's compiler.
//
//   host CLASS-FOLDER SUBJECT/VARIANT [--smoke]
//
// All rows run on one thread of the host, attached by hand before and kept attached, as JNI's users do who look at speed. Each row runs for a
// second before it counts, so that the JIT has done its work.
#include "bench/common/calls.hpp"

#include <jni.h>

namespace {

constexpr const char* kPeer = "jni";

// Of the attached thread; set before the first call.
JNIEnv* env = nullptr;
jclass peer_class = nullptr;
jmethodID next_method = nullptr;

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "JNI: %s\n", what);
  if (env != nullptr && env->ExceptionCheck() != JNI_FALSE) { env->ExceptionDescribe(); }
  std::exit(1);
}

// The code pointer that the host calls.
int call_next(int value) { return env->CallStaticIntMethod(peer_class, next_method, value); }

jint JNICALL step(JNIEnv*, jclass, jint value) { return value + 1; }
jint JNICALL through(JNIEnv* own, jclass self, jint value) { return own->CallStaticIntMethod(self, next_method, value); }

JavaVM* start(const char* class_folder) {
  std::string path = std::string("-Djava.class.path=") + class_folder;
  JavaVMOption option{path.data(), nullptr};
  JavaVMInitArgs args{};
  args.version = JNI_VERSION_1_8;
  args.nOptions = 1;
  args.options = &option;
  JavaVM* machine = nullptr;
  JNIEnv* own = nullptr;
  if (JNI_CreateJavaVM(&machine, reinterpret_cast<void**>(&own), &args) != JNI_OK) { give_up("no Java machine"); }
  return machine;
}

void look_up() {
  const jclass found = env->FindClass("Peer");
  if (found == nullptr) { give_up("no class Peer"); }
  peer_class = static_cast<jclass>(env->NewGlobalRef(found));
  next_method = env->GetStaticMethodID(peer_class, "next", "(I)I");
  char names[][8] = {"step", "through"};
  char signature[] = "(I)I";
  const JNINativeMethod natives[] = {{names[0], signature, reinterpret_cast<void*>(&step)},
                                     {names[1], signature, reinterpret_cast<void*>(&through)}};
  if (next_method == nullptr || env->RegisterNatives(peer_class, natives, 2) != JNI_OK) { give_up("class Peer is another one"); }
}

template <class Work>
double ns_when_warm(const bench::Run& run, const Work& work) {
  const std::uint64_t end = bench::now_ns() + (run.smoke ? 0 : 1'000'000'000);
  do { work(10'000); } while (bench::now_ns() < end);
  return bench::ns_per_round(run, work);
}

double ns_of_java_loop(const bench::Run& run, const char* name) {
  const jmethodID method = env->GetStaticMethodID(peer_class, name, "(J)V");
  if (method == nullptr) { give_up("class Peer is another one"); }
  return ns_when_warm(run, [method](std::uint64_t rounds) {
    env->CallStaticVoidMethod(peer_class, method, static_cast<jlong>(rounds));
    if (env->ExceptionCheck() != JNI_FALSE) { give_up("a call was lost"); }
  });
}

double measure(const bench::Run& run) {
  if (run.subject == "call-in") {
    return ns_when_warm(run, [](std::uint64_t rounds) { bench::call_rounds(call_next, rounds); });
  }
  if (run.subject == "call-out") { return ns_of_java_loop(run, "callOut"); }
  if (run.subject == "nested") { return ns_of_java_loop(run, "nested"); }
  bench::unknown_row(run);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s CLASS-FOLDER SUBJECT/VARIANT [--smoke]\n", argv[0]);
    return 2;
  }
  const bench::Run run = bench::parse(argc - 1, argv + 1);
  JavaVM* machine = start(argv[1]);
  std::thread([&] {
    if (machine->AttachCurrentThread(reinterpret_cast<void**>(&env), nullptr) != JNI_OK) { give_up("the thread was not attached"); }
    look_up();
    const double ns = measure(run);
    machine->DetachCurrentThread();
    bench::print(run, kPeer, ns, 0);
  }).join();
  std::_Exit(0);  // nothing of the machine is measured after this, and its own end takes a while
}
