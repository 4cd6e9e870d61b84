// SPDX-License-Identifier: Apache-2.0
// about.c - versions and codecs of the libav found at run time.

#include "media/about.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libswscale/swscale.h>

#include "base/str.h"

void media_about_versions(struct str_buf *out)
{
    const struct {
        const char *name;
        unsigned version;
    } libraries[] = {
        {"libavformat", avformat_version()},
        {"libavcodec", avcodec_version()},
        {"libavutil", avutil_version()},
        {"libswscale", swscale_version()},
    };
    for (size_t i = 0; i < ARRAY_LEN(libraries); i++) {
        unsigned v = libraries[i].version;
        str_buf_printf(out, "%s%s %u.%u.%u", i ? ", " : "", libraries[i].name, v >> 16,
                       v >> 8 & 0xff, v & 0xff);
    }
}

const char *media_about_license(void)
{
    return avcodec_license();
}

bool media_about_has_decoder(const char *name)
{
    const AVCodecDescriptor *codec = avcodec_descriptor_get_by_name(name);
    return avcodec_find_decoder_by_name(name) || (codec && avcodec_find_decoder(codec->id));
}

bool media_about_has_encoder(const char *name)
{
    return avcodec_find_encoder_by_name(name) != NULL;
}
