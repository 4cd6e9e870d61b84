// SPDX-License-Identifier: Apache-2.0
// ort_device.c - each device's provider, and what to say where it is absent.

#include "infer/ort_device.h"

#include <assert.h>
#include <onnxruntime_c_api.h>

#include "base/err.h"
#include "infer/ort_runtime.h"

static int append_cuda(const OrtApi *api, OrtSessionOptions *options)
{
    OrtCUDAProviderOptionsV2 *cuda = NULL;
    int r = ort_runtime_check(api->CreateCUDAProviderOptions(&cuda), ERR_UNAVAILABLE, "CUDA");
    if (r < 0)
        return r;
    r = ort_runtime_check(api->SessionOptionsAppendExecutionProvider_CUDA_V2(options, cuda),
                          ERR_UNAVAILABLE, "CUDA");
    api->ReleaseCUDAProviderOptions(cuda);
    return r;
}

// What TensorRT cannot take goes to CUDA on the same device, as its makers advise.
static int append_tensorrt(const OrtApi *api, OrtSessionOptions *options)
{
    OrtTensorRTProviderOptionsV2 *tensorrt = NULL;
    int r = ort_runtime_check(api->CreateTensorRTProviderOptions(&tensorrt), ERR_UNAVAILABLE,
                              "TensorRT");
    if (r < 0)
        return r;
    r = ort_runtime_check(api->SessionOptionsAppendExecutionProvider_TensorRT_V2(options, tensorrt),
                          ERR_UNAVAILABLE, "TensorRT");
    api->ReleaseTensorRTProviderOptions(tensorrt);
    return r < 0 ? r : append_cuda(api, options);
}

static int append_webgpu(const OrtApi *api, OrtSessionOptions *options)
{
    return ort_runtime_check(
        api->SessionOptionsAppendExecutionProvider(options, "WebGPU", NULL, NULL, 0),
        ERR_UNAVAILABLE, "WebGPU");
}

static int append_openvino(const OrtApi *api, OrtSessionOptions *options)
{
    return ort_runtime_check(
        api->SessionOptionsAppendExecutionProvider_OpenVINO_V2(options, NULL, NULL, 0),
        ERR_UNAVAILABLE, "OpenVINO");
}

static const struct {
    enum engine_device device;
    const char *option; // as --device has it
    const char *label;
    const char *needs;
    int (*append)(const OrtApi *api, OrtSessionOptions *options);
} devices[] = {
    {DEVICE_UNSET, "cpu", "CPU", NULL, NULL},
    {DEVICE_CPU, "cpu", "CPU", NULL, NULL},
    {DEVICE_CUDA, "cuda", "CUDA",
     "libonnxruntime_providers_cuda.so beside the library, the CUDA runtime and an NVIDIA driver",
     append_cuda},
    {DEVICE_TENSORRT, "tensorrt", "TensorRT",
     "libonnxruntime_providers_tensorrt.so beside the library, TensorRT and an NVIDIA driver",
     append_tensorrt},
    {DEVICE_WEBGPU, "webgpu", "WebGPU",
     "a library built with WebGPU, libvulkan.so.1 and a GPU with a Vulkan driver", append_webgpu},
    {DEVICE_OPENVINO, "openvino", "OpenVINO",
     "libonnxruntime_providers_openvino.so beside the library, and OpenVINO", append_openvino},
};

static size_t row_of(enum engine_device device)
{
    size_t i = 0;
    while (i < ARRAY_LEN(devices) && devices[i].device != device)
        i++;
    assert(i < ARRAY_LEN(devices));
    return i;
}

const char *ort_device_label(enum engine_device device)
{
    return devices[row_of(device)].label;
}

int ort_device_append(const OrtApi *api, OrtSessionOptions *options, enum engine_device device)
{
    size_t row = row_of(device);
    if (!devices[row].append)
        return 0;
    int r = devices[row].append(api, options);
    if (r == 0 || r == ERR_NOMEM)
        return r;
    char why[256];
    err_copy_message(r, why, sizeof(why));
    char have[256];
    if (ort_runtime_providers(have, sizeof(have)) < 0)
        snprintf(have, sizeof(have), "unknown");
    return err_set(ERR_UNAVAILABLE, "device %s: it needs %s; %s was built with %s; %s",
                   devices[row].option, devices[row].needs, ort_runtime_path(), have, why);
}
