// SPDX-License-Identifier: Apache-2.0
// skim.c - a queue of packets, and the list of frames that are on their way.

#include "media/skim.h"

#include <assert.h>

#include "base/err.h"
#include "media/h264_cut.h"

int skim_start(struct skim *k, const AVCodecParameters *par)
{
    *k = (struct skim){0};
    if (par->codec_id != AV_CODEC_ID_H264)
        return 0;
    size_t n = par->extradata_size > 0 ? (size_t)par->extradata_size : 0;
    k->length_size = h264_cut_length_size(par->extradata, n);
    k->entropy = h264_cut_entropy_of_extradata(par->extradata, n);
    for (int i = 0; i < SKIM_AHEAD; i++) {
        k->queue[i].packet = av_packet_alloc();
        if (!k->queue[i].packet) {
            skim_stop(k);
            return err_set(ERR_NOMEM, "out of memory for packets");
        }
    }
    k->is_on = true;
    return 0;
}

void skim_stop(struct skim *k)
{
    for (int i = 0; i < SKIM_AHEAD; i++)
        av_packet_free(&k->queue[i].packet);
    k->is_on = false;
    k->n_queued = 0;
}

static void move(struct skim_packet *to, const struct skim_packet *from)
{
    av_packet_move_ref(to->packet, from->packet);
    to->log = from->log;
    to->number = from->number;
}

void skim_push(struct skim *k, const struct skim_packet *p)
{
    assert(k->is_on && k->n_queued < SKIM_AHEAD);
    const AVPacket *packet = p->packet;
    k->entropy |= h264_cut_entropy(k->length_size, packet->data, (size_t)packet->size);
    if (av_packet_get_side_data(packet, AV_PKT_DATA_NEW_EXTRADATA, NULL))
        k->entropy |= H264_HAS_OTHER; // or what it may be
    move(&k->queue[(k->first + k->n_queued++) % SKIM_AHEAD], p);
}

bool skim_pop(struct skim *k, struct skim_packet *ret)
{
    if (k->n_queued == 0)
        return false;
    move(ret, &k->queue[k->first]);
    k->first = (k->first + 1) % SKIM_AHEAD;
    k->n_queued--;
    return true;
}

static bool is_dropped(const AVPacket *p)
{
    return (p->flags & AV_PKT_FLAG_DISCARD) != 0;
}

int64_t skim_ordinal(const struct skim *k, const AVPacket *packet)
{
    int64_t pts = packet->pts;
    if (k->entropy != H264_HAS_CABAC || k->n_out < SKIM_SETTLED)
        return -1;
    if (pts == AV_NOPTS_VALUE || is_dropped(packet))
        return -1;
    int64_t n = k->n_out;
    for (int i = 0; i < k->n_sent; i++) {
        if (k->sent[i].pts == AV_NOPTS_VALUE || k->sent[i].pts == pts)
            return -1;
        n += k->sent[i].pts < pts;
    }
    for (int i = 0; i < k->n_queued; i++) {
        const AVPacket *p = k->queue[(k->first + i) % SKIM_AHEAD].packet;
        if (p->pts == AV_NOPTS_VALUE || p->pts == pts)
            return -1;
        n += p->pts < pts && !is_dropped(p);
    }
    return n;
}

int skim_cut(struct skim *k, AVPacket *packet, bool *ret_is_cut)
{
    *ret_is_cut = false;
    AVPacket *small = av_packet_alloc();
    if (!small || av_new_packet(small, packet->size) < 0 ||
        av_packet_copy_props(small, packet) < 0) {
        av_packet_free(&small);
        return err_set(ERR_NOMEM, "out of memory for packets");
    }
    size_t n = h264_cut(k->length_size, packet->data, (size_t)packet->size, small->data);
    if (n > 0) {
        av_shrink_packet(small, (int)n);
        av_packet_unref(packet);
        av_packet_move_ref(packet, small);
        k->has_cut = true;
        *ret_is_cut = true;
    }
    av_packet_free(&small);
    return 0;
}

static void forget(struct skim *k, int i)
{
    k->sent[i] = k->sent[--k->n_sent];
}

void skim_note_sent(struct skim *k, const AVPacket *packet, bool is_cut)
{
    if (is_dropped(packet))
        return;
    for (int i = 0; i < k->n_sent; i++) // two of one time cannot be told apart
        k->is_wrong |= (is_cut || k->sent[i].is_cut) && k->sent[i].pts == packet->pts;
    if (k->n_sent == SKIM_MOST_SENT) { // no decoder keeps so many: they were lost
        k->is_wrong |= k->sent[0].is_cut;
        forget(k, 0);
    }
    k->sent[k->n_sent++] = (struct skim_sent){packet->pts, is_cut};
}

bool skim_note_out(struct skim *k, int64_t pts)
{
    bool was_cut = false;
    k->n_out++;
    for (int i = k->n_sent - 1; i >= 0; i--) {
        struct skim_sent *s = &k->sent[i];
        if (s->pts == pts)
            was_cut |= s->is_cut;
        else if (s->pts < pts)
            k->is_wrong |= s->is_cut; // it should have come out before
        else
            continue;
        forget(k, i);
    }
    return was_cut;
}

void skim_note_log(struct skim *k, const struct media_log *log)
{
    k->is_wrong |= k->has_cut && (log->n_errors > 0 || log->n_concealed > 0);
}

void skim_note_end(struct skim *k)
{
    for (int i = 0; i < k->n_sent; i++)
        k->is_wrong |= k->sent[i].is_cut;
}
