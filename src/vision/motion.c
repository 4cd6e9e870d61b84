// SPDX-License-Identifier: Apache-2.0
// motion.c - four filters of constant speed, their noise in proportion to the box's height.

#include "vision/motion.h"

// Standard deviations as fractions of the height (those of DeepSORT), and absolute ones of the
// aspect.
static const double place_noise = 1.0 / 20;
static const double speed_noise = 1.0 / 160;
static const double aspect_noise = 1e-2;
static const double aspect_speed_noise = 1e-5;
static const double aspect_seen_noise = 1e-1;

static struct motion_part part_make(double place, double std_place, double std_speed)
{
    return (struct motion_part){
        .place = place,
        .var_place = std_place * std_place,
        .var_speed = std_speed * std_speed,
    };
}

static void part_predict(struct motion_part *p, double std_place, double std_speed)
{
    p->place += p->speed;
    p->var_place += 2 * p->covar + p->var_speed + std_place * std_place;
    p->covar += p->var_speed;
    p->var_speed += std_speed * std_speed;
}

static void part_correct(struct motion_part *p, double seen, double std_seen)
{
    double var = p->var_place + std_seen * std_seen;
    double gain_place = p->var_place / var;
    double gain_speed = p->covar / var;
    double surprise = seen - p->place;
    p->place += gain_place * surprise;
    p->speed += gain_speed * surprise;
    p->var_speed -= gain_speed * p->covar;
    p->covar -= gain_place * p->covar;
    p->var_place -= gain_place * p->var_place;
}

struct motion motion_make(struct box b)
{
    double h = (double)b.y2 - b.y1;
    double std = 2 * place_noise * h;
    double std_speed = 10 * speed_noise * h;
    return (struct motion){
        .x = part_make(((double)b.x1 + b.x2) / 2, std, std_speed),
        .y = part_make(((double)b.y1 + b.y2) / 2, std, std_speed),
        .aspect = part_make(((double)b.x2 - b.x1) / h, aspect_noise, aspect_speed_noise),
        .height = part_make(h, std, std_speed),
    };
}

void motion_predict(struct motion *m)
{
    double std = place_noise * m->height.place;
    double std_speed = speed_noise * m->height.place;
    part_predict(&m->x, std, std_speed);
    part_predict(&m->y, std, std_speed);
    part_predict(&m->aspect, aspect_noise, aspect_speed_noise);
    part_predict(&m->height, std, std_speed);
}

void motion_correct(struct motion *m, struct box seen)
{
    double h = (double)seen.y2 - seen.y1;
    double std = place_noise * m->height.place;
    part_correct(&m->x, ((double)seen.x1 + seen.x2) / 2, std);
    part_correct(&m->y, ((double)seen.y1 + seen.y2) / 2, std);
    part_correct(&m->aspect, ((double)seen.x2 - seen.x1) / h, aspect_seen_noise);
    part_correct(&m->height, h, std);
}

struct box motion_box(const struct motion *m)
{
    double w = m->aspect.place * m->height.place;
    double h = m->height.place;
    return (struct box){(float)(m->x.place - w / 2), (float)(m->y.place - h / 2),
                        (float)(m->x.place + w / 2), (float)(m->y.place + h / 2)};
}
