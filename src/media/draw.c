// SPDX-License-Identifier: Apache-2.0
// draw.c - boxes and labels on YUV 4:2:0 pixels.
//
// Everything drawn is a filled rectangle of whole pixels; lines and font points grow with the
// picture's height, so that a label reads the same at 360 and 2160 lines.

#include "media/draw.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "media/annotate.h"
#include "media/font.h"
#include "vision/detection.h"

enum {
    LABEL_BYTES = 64,
    LINES_A_POINT = 320, // picture lines for each pixel of a font point
    N_HUES = 6,
};

struct colour {
    uint8_t y, u, v;
};

static struct colour colour_of_rgb(const double rgb[3])
{
    double luma = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
    return (struct colour){.y = (uint8_t)(16 + 219 * luma + 0.5),
                           .u = (uint8_t)(128 + 224 * (rgb[2] - luma) / 1.772 + 0.5),
                           .v = (uint8_t)(128 + 224 * (rgb[0] - luma) / 1.402 + 0.5)};
}

// Bright, far apart for neighbouring classes: hue steps by the golden angle.
static struct colour colour_of_class(int class_id)
{
    double hue = fmod((double)(unsigned)class_id * 0.618033988749895 + 0.33, 1.0) * N_HUES;
    int sector = (int)hue;
    double rise = hue - sector;
    double low = 0.15;
    double up = low + (1 - low) * rise;
    double down = 1 - (1 - low) * rise;
    // clang-format off
    const double rgb[N_HUES][3] = {
        {1, up, low}, {down, 1, low}, {low, 1, up}, {low, down, 1}, {up, low, 1}, {1, low, down},
    };
    // clang-format on
    return colour_of_rgb(rgb[sector % N_HUES]);
}

static void fill_plane(uint8_t *plane, ptrdiff_t stride, int x1, int y1, int x2, int y2,
                       uint8_t value)
{
    for (int y = y1; y < y2; y++)
        memset(plane + y * stride + x1, value, (size_t)(x2 - x1));
}

// x2 and y2 exclusive; clipped. Chroma covers every sample it touches.
static void fill(const struct canvas *c, int x1, int y1, int x2, int y2, struct colour colour)
{
    x1 = MAX(x1, 0);
    y1 = MAX(y1, 0);
    x2 = MIN(x2, c->width);
    y2 = MIN(y2, c->height);
    if (x1 >= x2 || y1 >= y2)
        return;
    fill_plane(c->planes[0], c->strides[0], x1, y1, x2, y2, colour.y);
    fill_plane(c->planes[1], c->strides[1], x1 / 2, y1 / 2, (x2 + 1) / 2, (y2 + 1) / 2, colour.u);
    fill_plane(c->planes[2], c->strides[2], x1 / 2, y1 / 2, (x2 + 1) / 2, (y2 + 1) / 2, colour.v);
}

static void draw_char(const struct canvas *c, int x, int y, int scale, char ch,
                      struct colour colour)
{
    const uint8_t *rows = font_glyph(ch);
    for (int row = 0; row < FONT_HEIGHT; row++) {
        for (int column = 0; column < FONT_WIDTH; column++) {
            if (!(rows[row] & BIT(FONT_WIDTH - 1 - column)))
                continue;
            int px = x + column * scale;
            int py = y + row * scale;
            // Luma alone: text stays sharp, and the chroma is the label's.
            int x1 = MAX(px, 0), y1 = MAX(py, 0);
            int x2 = MIN(px + scale, c->width), y2 = MIN(py + scale, c->height);
            if (x1 < x2 && y1 < y2)
                fill_plane(c->planes[0], c->strides[0], x1, y1, x2, y2, colour.y);
        }
    }
}

void draw_label_text(const struct detection *d, const char *const *labels, size_t n_labels,
                     char *ret_text, size_t n_bytes)
{
    char label[LABEL_BYTES / 2];
    bool is_known = d->class_id >= 0 && (size_t)d->class_id < n_labels && labels[d->class_id];
    if (is_known)
        snprintf(label, sizeof(label), "%s", labels[d->class_id]);
    else
        snprintf(label, sizeof(label), "class %d", d->class_id);
    if (d->track_id > 0)
        snprintf(ret_text, n_bytes, "%s %.2f #%d", label, (double)d->confidence, d->track_id);
    else
        snprintf(ret_text, n_bytes, "%s %.2f", label, (double)d->confidence);
    // One '?' for each character that the font lacks.
    char *to = ret_text;
    for (const char *p = ret_text; *p; p++) {
        unsigned char byte = (unsigned char)*p;
        bool is_continuation = (byte & 0xc0) == 0x80;
        if (!is_continuation)
            *to++ = byte >= 0x20 && byte < 0x7f ? *p : '?';
    }
    *to = '\0';
}

static void draw_label(const struct canvas *c, int x, int y, int scale, const char *text,
                       struct colour colour)
{
    int n = (int)strlen(text);
    int width = (n * FONT_ADVANCE + 1) * scale;
    int height = (FONT_HEIGHT + 2) * scale;
    // Above the box; inside it where there is no room; never beyond the right edge if avoidable.
    int top = y >= height ? y - height : y;
    int left = MAX(0, MIN(x, c->width - width));
    fill(c, left, top, left + width, top + height, colour);
    struct colour ink = {.y = colour.y > 125 ? 16 : 235, .u = 128, .v = 128};
    for (int i = 0; i < n; i++)
        draw_char(c, left + (i * FONT_ADVANCE + 1) * scale, top + scale, scale, text[i], ink);
}

// Box edges come from models: anything a float can hold.
static int pixel_of(float v, int limit)
{
    if (!(v > (float)-limit))
        return -limit;
    return v < (float)(2 * limit) ? (int)lrintf(v) : 2 * limit;
}

static void draw_box(const struct canvas *c, struct box b, int line, struct colour colour)
{
    int x1 = pixel_of(b.x1, c->width);
    int y1 = pixel_of(b.y1, c->height);
    int x2 = MAX(pixel_of(b.x2, c->width), x1 + 1);
    int y2 = MAX(pixel_of(b.y2, c->height), y1 + 1);
    fill(c, x1, y1, x2, y1 + line, colour);
    fill(c, x1, y2 - line, x2, y2, colour);
    fill(c, x1, y1, x1 + line, y2, colour);
    fill(c, x2 - line, y1, x2, y2, colour);
}

void draw_detections(const struct canvas *c, const struct detection *d, size_t n, float scale_x,
                     float scale_y, const char *const *labels, size_t n_labels)
{
    int scale = MAX(1, c->height / LINES_A_POINT);
    int line = scale * 2;
    for (size_t i = 0; i < n; i++) {
        struct box b = {d[i].box.x1 * scale_x, d[i].box.y1 * scale_y, d[i].box.x2 * scale_x,
                        d[i].box.y2 * scale_y};
        draw_box(c, b, line, colour_of_class(d[i].class_id));
    }
    for (size_t i = 0; i < n; i++) { // over all boxes
        char text[LABEL_BYTES];
        draw_label_text(&d[i], labels, n_labels, text, sizeof(text));
        draw_label(c, pixel_of(d[i].box.x1 * scale_x, c->width),
                   pixel_of(d[i].box.y1 * scale_y, c->height), scale, text,
                   colour_of_class(d[i].class_id));
    }
}

// ---- marks: what became of an object. Kinds are apart by the stroke too, not by colour alone.

static const struct {
    double rgb[3];
    int dash, gap; // in lines' widths; 0: a full line
    bool is_thin;
} strokes[] = {
    [MARK_UNSET] = {{0, 0, 0}, 0, 0, true},
    [MARK_FOUND] = {{.18, .84, .65}, 0, 0, false},
    [MARK_MISSED] = {{1, .30, .39}, 5, 3, false},
    [MARK_FALSE_ALARM] = {{1, .71, .18}, 2, 2, false},
    [MARK_IGNORED] = {{.78, .80, .83}, 0, 0, true},
};

static const struct colour black = {.y = 16, .u = 128, .v = 128};

// A line of *thick* rows or columns between two corners of a box.
static void draw_stroke(const struct canvas *c, int x1, int y1, int x2, int y2, int dash, int gap,
                        struct colour colour)
{
    const bool is_flat = x2 - x1 > y2 - y1;
    const int length = is_flat ? x2 - x1 : y2 - y1;
    const int step = dash > 0 ? dash + gap : length;
    for (int at = 0; at < length; at += MAX(step, 1)) {
        const int end = MIN(length, dash > 0 ? at + dash : length);
        if (is_flat)
            fill(c, x1 + at, y1, x1 + end, y2, colour);
        else
            fill(c, x1, y1 + at, x2, y1 + end, colour);
    }
}

// Over a dark edge, so that it shows on any ground.
static void draw_mark_box(const struct canvas *c, const struct mark *m, struct box b, int scale)
{
    const int line = strokes[m->kind].is_thin ? scale : 2 * scale;
    const int dash = strokes[m->kind].dash * line, gap = strokes[m->kind].gap * line;
    const struct colour colour = colour_of_rgb(strokes[m->kind].rgb);
    if (!strokes[m->kind].is_thin)
        draw_box(c, (struct box){b.x1 - 1, b.y1 - 1, b.x2 + 1, b.y2 + 1}, line + 2, black);
    const int x1 = pixel_of(b.x1, c->width), y1 = pixel_of(b.y1, c->height);
    const int x2 = MAX(pixel_of(b.x2, c->width), x1 + 1);
    const int y2 = MAX(pixel_of(b.y2, c->height), y1 + 1);
    draw_stroke(c, x1, y1, x2, y1 + line, dash, gap, colour);
    draw_stroke(c, x1, y2 - line, x2, y2, dash, gap, colour);
    draw_stroke(c, x1, y1, x1 + line, y2, dash, gap, colour);
    draw_stroke(c, x2 - line, y1, x2, y2, dash, gap, colour);
}

// Printable ASCII, as far as it goes.
static void ascii_of(const char *text, char ret_text[MARK_TEXT_BYTES])
{
    size_t n = 0;
    for (const char *p = text; *p && n + 1 < MARK_TEXT_BYTES; p++) {
        unsigned char byte = (unsigned char)*p;
        if ((byte & 0xc0) != 0x80)
            ret_text[n++] = byte >= 0x20 && byte < 0x7f ? *p : '?';
    }
    ret_text[n] = '\0';
}

void draw_marks(const struct canvas *c, const struct mark *marks, size_t n, float scale_x,
                float scale_y)
{
    const int scale = MAX(1, c->height / LINES_A_POINT);
    for (size_t i = 0; i < n; i++) {
        const struct box b = marks[i].box;
        draw_mark_box(c, &marks[i],
                      (struct box){b.x1 * scale_x, b.y1 * scale_y, b.x2 * scale_x, b.y2 * scale_y},
                      scale);
    }
    for (size_t i = 0; i < n; i++) { // over all boxes
        char text[MARK_TEXT_BYTES];
        if (!marks[i].text)
            continue;
        ascii_of(marks[i].text, text);
        draw_label(c, pixel_of(marks[i].box.x1 * scale_x, c->width),
                   pixel_of(marks[i].box.y1 * scale_y, c->height), scale, text,
                   colour_of_rgb(strokes[marks[i].kind].rgb));
    }
}

void draw_captions(const struct canvas *c, const struct mark *captions, size_t n)
{
    const int scale = MAX(1, c->height / LINES_A_POINT);
    int x = 0;
    for (size_t i = 0; i < n; i++) {
        char text[MARK_TEXT_BYTES];
        ascii_of(captions[i].text ? captions[i].text : "", text);
        const int width = ((int)strlen(text) * FONT_ADVANCE + 1) * scale;
        if (i > 0 && x + width > c->width)
            return; // half of a number would be another one
        draw_label(c, x, c->height, scale, text, colour_of_rgb(strokes[captions[i].kind].rgb));
        x += width;
    }
}
