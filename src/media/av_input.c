// SPDX-License-Identifier: Apache-2.0
// av_input.c - opening a media file or URL with libav.

#include "media/av_input_priv.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/avstring.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/media_cause.h"
#include "media/media_priv.h"
#include "media/truncation.h"

enum {
    IO_BUFFER_BYTES = 32 * 1024,
    POLL_MS = 100,                            // how soon a blocked read sees an interrupt
    PROBE_BYTES = 1024 * 1024,                // to recognise the container
    STREAM_BYTES = 2 * 1024 * 1024,           // to learn about the streams, where there is a header
    STREAM_BYTES_NO_HEADER = 5 * 1024 * 1024, // and where there is none (MPEG-TS, FLV, ...)
};

// Containers that are opened: those that hold their own media. Playlists and formats that name
// other files (hls, concat, dash, image2, ...) are not among them.
#define FILE_FORMATS                                                                              \
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,live_flv,mpegts,mpeg,mpegvideo,ogg,asf,asf_o," \
    "gif,"                                                                                        \
    "apng,h264,hevc,vvc,av1,obu,ivf,m4v,mjpeg,mjpeg_2000,mpjpeg,yuv4mpegpipe,nut,mxf,gxf,dv,rm,"  \
    "wtv,"                                                                                        \
    "nsv,h261,h263,vc1,vc1test,dirac,cavsvideo,avs2,avs3,swf,film_cpk,flic,smk,bink,roq,4xm,fli," \
    "xwma,mp3,wav,w64,flac,aac,aiff,au,ac3,eac3,amr,ape,caf,dts,mpc,mpc8,tta,wv,opus,jpeg_pipe,"  \
    "png_pipe,bmp_pipe,webp_pipe,tiff_pipe,jpegls_pipe,j2k_pipe,ppm_pipe,pgm_pipe,pbm_pipe"

static const char file_formats[] = FILE_FORMATS;
static const char url_formats[] = FILE_FORMATS ",hls";

bool av_input_is_url(const char *path)
{
    const char *colon = strstr(path, "://");
    return colon && colon != path && strcspn(path, "/\\.") >= (size_t)(colon - path);
}

static bool is_accepted(const AVInputFormat *f, bool is_url)
{
    return av_match_list(f->name, is_url ? url_formats : file_formats, ',') > 0;
}

static int interrupt(void *arg)
{
    return source_must_stop((const struct source *)arg);
}

// Waits for a pipe to have bytes. False: stopped.
static bool wait_readable(const struct av_input *in)
{
    for (;;) {
        if (source_must_stop(in->source))
            return false;
        struct pollfd p = {.fd = in->fd, .events = POLLIN};
        int n = poll(&p, 1, POLL_MS);
        if (n > 0 || (n < 0 && errno != EINTR))
            return true;
    }
}

static int read_bytes(void *arg, uint8_t *bytes, int n)
{
    struct av_input *in = (struct av_input *)arg;
    for (;;) {
        // A pipe that no writer has opened yet would read as ended: it is waited for first.
        if (in->is_pipe ? !wait_readable(in) : source_must_stop(in->source))
            return AVERROR_EXIT;
        ssize_t got = read(in->fd, bytes, (size_t)n);
        if (got > 0)
            return (int)got;
        if (got == 0)
            return AVERROR_EOF;
        if (errno != EINTR && errno != EAGAIN)
            return AVERROR(errno);
    }
}

static int64_t seek_bytes(void *arg, int64_t offset, int whence)
{
    const struct av_input *in = (const struct av_input *)arg;
    if (whence & AVSEEK_SIZE) {
        struct stat st;
        if (fstat(in->fd, &st) < 0)
            return AVERROR(errno);
        return st.st_size;
    }
    off_t at = lseek(in->fd, offset, whence & ~AVSEEK_FORCE);
    return at < 0 ? AVERROR(errno) : at;
}

// What demuxers call to open further files: nothing is opened.
static int refuse_open(AVFormatContext *format UNUSED, AVIOContext **pb UNUSED,
                       const char *url UNUSED, int flags UNUSED, AVDictionary **options UNUSED)
{
    return AVERROR(EPERM);
}

int64_t av_input_decoder_pixels(int64_t max_pixels)
{
    enum { SLACK = 64 * 65535 }; // decoders count whole blocks to the right
    return max_pixels < INT64_MAX - SLACK ? max_pixels + SLACK : max_pixels;
}

int av_input_error(const struct source *s, int av_error, const char *what)
{
    if (source_is_interrupted(s))
        return err_set(ERR_CANCELLED, "%s: interrupted", s->path);
    if (av_error == AVERROR_EXIT)
        return err_set(ERR_TIMEOUT, "%s: %s: nothing came for %d seconds", s->path, what,
                       SOURCE_IO_TIMEOUT_S);
    if (av_error == AVERROR(ENOMEM))
        return err_set(ERR_NOMEM, "%s: %s: out of memory", s->path, what);
    if (av_error == AVERROR_HTTP_NOT_FOUND)
        return err_set(ERR_NOT_FOUND, "%s: the server has no such file (404)", s->path);
    const char *cause = media_cause_of_log(s->log.line);
    if (cause)
        return err_set(ERR_MEDIA, "%s: %s", s->path, cause);
    char text[AV_ERROR_MAX_STRING_SIZE];
    av_make_error_string(text, sizeof(text), av_error);
    return err_set(av_error == AVERROR(EIO) ? ERR_IO : ERR_MEDIA, "%s: %s: %s", s->path, what,
                   s->log.line[0] ? s->log.line : text);
}

// The beginning of a regular file tells empty files, pointers and web pages apart from media.
static int check_beginning(const char *path, int fd)
{
    char bytes[MEDIA_CAUSE_BYTES];
    ssize_t n = pread(fd, bytes, sizeof(bytes), 0);
    if (n < 0)
        return err_set_errno(errno, "%s", path);
    const char *cause = media_cause_of_bytes(bytes, (size_t)n);
    return cause ? err_set(ERR_MEDIA, "%s: %s", path, cause) : 0;
}

static int make_io(const struct source *s, struct av_input *in)
{
    uint8_t *buffer = (uint8_t *)av_malloc(IO_BUFFER_BYTES);
    if (buffer)
        in->io = avio_alloc_context(buffer, IO_BUFFER_BYTES, 0, in, read_bytes, NULL,
                                    in->is_pipe ? NULL : seek_bytes);
    if (!in->io) {
        av_free(buffer);
        return err_set(ERR_NOMEM, "%s: out of memory", s->path);
    }
    in->io->seekable = in->is_pipe ? 0 : AVIO_SEEKABLE_NORMAL;
    return 0;
}

static void close_io(struct av_input *in)
{
    avformat_close_input(&in->format); // does not touch an AVIOContext that is ours
    if (in->io)
        av_freep(&in->io->buffer);
    avio_context_free(&in->io);
}

static int open_file(struct source *s, struct av_input *in)
{
    in->fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (in->fd < 0)
        return err_set_errno(errno, "%s", s->path);
    struct stat st;
    if (fstat(in->fd, &st) < 0)
        return err_set_errno(errno, "%s", s->path);
    bool is_regular = S_ISREG(st.st_mode);
    in->is_pipe = !is_regular;
    if (is_regular) {
        int r = check_beginning(s->path, in->fd);
        if (r < 0)
            return r;
    }
    return make_io(s, in);
}

// Recognises the container before libav opens it.
static int choose_format(struct source *s, struct av_input *in, const AVInputFormat **ret_format)
{
    const AVInputFormat *format = NULL;
    int r = av_probe_input_buffer2(in->io, &format, s->path, NULL, 0, PROBE_BYTES);
    if (r == AVERROR_INVALIDDATA || (r >= 0 && !format))
        return err_set(ERR_MEDIA, "%s: is no media file of a known format", s->path);
    if (r < 0)
        return av_input_error(s, r, "reading");
    if (av_match_name("image2", format->name)) // taken by its name alone, not by what is in it
        return err_set(ERR_MEDIA, "%s: is no picture of a known format", s->path);
    if (!is_accepted(format, false))
        return err_set(ERR_UNSUPPORTED, "%s: %s is not accepted as a source", s->path,
                       format->long_name ? format->long_name : format->name);
    *ret_format = format;
    return 0;
}

static int set_options(const struct source *s, bool is_url, AVDictionary **options)
{
    const char *protocols = is_url ? "http,https,tcp,tls" : "file";
    int r = av_dict_set(options, "protocol_whitelist", protocols, 0);
    if (r >= 0 && is_url)
        r = av_dict_set(options, "format_whitelist", url_formats, 0);
    if (r >= 0 && is_url)
        r = av_dict_set_int(options, "rw_timeout", SOURCE_IO_TIMEOUT_S * INT64_C(1000000), 0);
    return r < 0 ? err_set(ERR_NOMEM, "%s: out of memory", s->path) : 0;
}

// libav decodes a little to learn what headers do not tell: under the same limits as our decoder.
static int find_streams(struct source *s, struct av_input *in)
{
    AVFormatContext *f = in->format;
    f->probesize = f->ctx_flags & AVFMTCTX_NOHEADER ? STREAM_BYTES_NO_HEADER : STREAM_BYTES;
    unsigned n = f->nb_streams;
    AVDictionary **options = (AVDictionary **)mem_calloc(n ? n : 1, sizeof(AVDictionary *));
    if (!options)
        return ERR_NOMEM;
    int r = 0;
    for (unsigned i = 0; i < n && r >= 0; i++)
        r = av_dict_set_int(&options[i], "max_pixels", av_input_decoder_pixels(s->opts.max_pixels),
                            0);
    if (r >= 0)
        r = avformat_find_stream_info(f, options);
    for (unsigned i = 0; i < n; i++)
        av_dict_free(&options[i]);
    mem_free(options);
    return r < 0 ? av_input_error(s, r, "reading") : 0;
}

static int open_format(struct source *s, struct av_input *in, bool is_url)
{
    const AVInputFormat *format = NULL;
    int r = is_url ? 0 : choose_format(s, in, &format);
    if (r < 0)
        return r;
    in->format = avformat_alloc_context();
    if (!in->format)
        return err_set(ERR_NOMEM, "%s: out of memory", s->path);
    in->format->interrupt_callback = (AVIOInterruptCB){interrupt, s};
    in->format->max_streams = 256;
    if (!is_url) {
        in->format->pb = in->io;
        in->format->io_open = refuse_open;
    }
    AVDictionary *options = NULL;
    r = set_options(s, is_url, &options);
    if (r == 0) {
        int av = avformat_open_input(&in->format, s->path, format, &options); // frees it on error
        r = av < 0 ? av_input_error(s, av, "opening") : 0;
        if (r == ERR_MEDIA && !media_cause_of_log(s->log.line) &&
            av_input_is_truncated(in, TRUNCATION_ALL))
            r = av_input_no_stream(s, in, "");
    }
    av_dict_free(&options);
    if (r == 0 && !is_accepted(in->format->iformat, is_url))
        r = err_set(ERR_UNSUPPORTED, "%s: %s is not accepted as a source", s->path,
                    in->format->iformat->name);
    return r;
}

int av_input_open(struct source *s, struct av_input *in)
{
    bool is_url = av_input_is_url(s->path);
    *in = (struct av_input){.fd = -1, .source = s};
    int r = 0;
    if (is_url && !s->opts.allow_network)
        r = err_set(ERR_UNSUPPORTED, "%s: network sources are not allowed here", s->path);
    else if (is_url && strncmp(s->path, "http://", 7) != 0 && strncmp(s->path, "https://", 8) != 0)
        r = err_set(ERR_UNSUPPORTED, "%s: of the network only http and https are accepted",
                    s->path);
    else if (!is_url)
        r = open_file(s, in);
    if (r == 0)
        r = open_format(s, in, is_url);
    if (r == 0)
        r = find_streams(s, in);
    return r;
}

bool av_input_is_truncated(const struct av_input *in, enum truncation_scope scope)
{
    return in->fd >= 0 && truncation_find(in->fd, scope);
}

int av_input_no_stream(const struct source *s, const struct av_input *in, const char *otherwise)
{
    if (av_input_is_truncated(in, TRUNCATION_ALL))
        return err_set(ERR_MEDIA, "%s: the file is incomplete: it is shorter than it says",
                       s->path);
    return err_set(ERR_MEDIA, "%s: %s", s->path, otherwise);
}

int av_input_reopen(struct source *s, struct av_input *in)
{
    assert(in->fd >= 0 && !in->is_pipe);
    close_io(in);
    if (lseek(in->fd, 0, SEEK_SET) < 0)
        return err_set_errno(errno, "%s", s->path);
    int r = make_io(s, in);
    if (r == 0)
        r = open_format(s, in, false);
    if (r == 0)
        r = find_streams(s, in);
    return r;
}

void av_input_close(struct av_input *in)
{
    close_io(in);
    if (in->fd >= 0)
        close(in->fd);
    in->fd = -1;
}
