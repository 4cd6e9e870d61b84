// SPDX-License-Identifier: Apache-2.0
// test_formats.c - annotation formats beside COCO and MOT: what each means, its traps, and what is
// refused. Writing and real data are in test_write.c and test_formats_expected.c.

#include "given.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"

#define VOC(inside)                                                                       \
    "<annotation><filename>p.jpg</filename><size><width>100</width><height>50</height></" \
    "size>" inside "</annotation>"
#define VOC_BOX(a, b, c, d) \
    "<bndbox><xmin>" a "</xmin><ymin>" b "</ymin><xmax>" c "</xmax><ymax>" d "</ymax></bndbox>"
#define IMAGES(inside)                                                                           \
    "<annotations><image id=\"0\" name=\"p.jpg\" width=\"100\" height=\"50\">" inside "</image>" \
    "</annotations>"
#define TRACK(inside)                                                                             \
    "<annotations><meta><task><size>5</size><mode>interpolation</mode><start_frame>0"             \
    "</start_frame><stop_frame>4</stop_frame></task></meta><track id=\"3\" label=\"car\">" inside \
    "</track></annotations>"
#define AT(frame, outside, x)                                                                 \
    "<box frame=\"" frame "\" outside=\"" outside "\" occluded=\"1\" keyframe=\"1\" xtl=\"" x \
    "\" ytl=\"2\" xbr=\"20\" ybr=\"12\"/>"
#define KITTI "Car 0.50 1 -1.5 10 20 40 60 1 1 1 0 0 0 0"
#define OPEN \
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf\n"
#define OWN "frame,pts_us,label,confidence,x,y,width,height\n"
#define SHAPE(inside) \
    "{\"shapes\":[{" inside "}],\"imagePath\":\"p.jpg\",\"imageWidth\":100,\"imageHeight\":50}"
#define BOMB                                                                                   \
    "<!DOCTYPE annotation [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">" \
    "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]><annotation><filename>&c;</filename></annotation>"

// Every picture is 100 wide and 50 high.
static int picture_size(void *arg, const char *path, int *ret_width, int *ret_height)
{
    *ret_width = 100;
    *ret_height = 50;
    return 0;
}

static void put(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    fclose(f);
}

static void drop(const char *folder, const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    unlink(path);
}

// A folder with the file, a list of names and a picture is read; NAME empty: a text without names.
static int read_given(const char *name, const char *text, const struct dataset_read_opts *opts,
                      struct dataset **ret)
{
    char folder[] = "/tmp/assay-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    put(folder, name, text);
    put(folder, "p.jpg", "");
    put(folder, "obj.names", "person\ncar\n");
    struct dataset_read_opts o = *opts;
    o.picture_size = picture_size;
    int r = dataset_read_with(path, &o, ret);
    drop(folder, name);
    drop(folder, "p.jpg");
    drop(folder, "obj.names");
    assert_int_equal(rmdir(folder), 0);
    return r;
}

static const struct {
    const char *name, *text;
    const char *format;
    size_t n_pictures, n_objects;
    double box[4]; // of the first object
    const char *label;
    const char *notice; // NULL: not looked at
} taken[] = {
    {"p.xml",
     VOC("<object><name>a &amp; b</name>" VOC_BOX("11", "12", "30", "40") "</object>"),
     "voc",
     1,
     1,
     {11, 12, 19, 28},
     "a & b",
     "as they stand"},
    {"p.xml",
     VOC("<object><name>x</name>" VOC_BOX("1.5", "2", "3", "4") "<part><name>head</name>" VOC_BOX(
         "0", "0", "1", "1") "</part></object>"),
     "voc",
     1,
     1,
     {1.5, 2, 1.5, 2},
     "x",
     NULL},
    {"p.xml", VOC(""), "voc", 1, 0, {0}, NULL, NULL},
    {"p.xml",
     "<?xml version=\"1.0\"?><!-- <annotations> --><annotation>\n<object><name>x</name>" VOC_BOX(
         "4", "4", "2", "2") "</object></annotation>",
     "voc",
     1,
     1,
     {4, 4, -2, -2},
     "x",
     "1 box has a negative size"},
    {"p.xml",
     "<annotation><object><name>w</name><deleted>0</deleted><polygon><pt><x>5</x><y>9</y>"
     "</pt><pt><x>1</x><y>11</y></pt></polygon></object><object><name>gone</name><deleted>1"
     "</deleted></object></annotation>",
     "voc",
     1,
     1,
     {1, 9, 4, 2},
     "w",
     "1 deleted objects"},
    {"a.xml",
     IMAGES("<box label=\"car\" xtl=\"1\" ytl=\"2\" xbr=\"4\" ybr=\"8\" occluded=\"1\"/>"),
     "cvat",
     1,
     1,
     {1, 2, 3, 6},
     "car",
     NULL},
    {"a.xml",
     IMAGES("<box label=\"car\" source=\"auto\" xtl=\"1\" ytl=\"2\" xbr=\"4\" ybr=\"8\"/>"
            "<box label=\"car\" source=\"manual\" xtl=\"1\" ytl=\"2\" xbr=\"4\" ybr=\"8\"/>"),
     "cvat",
     1,
     2,
     {1, 2, 3, 6},
     "car",
     "1 boxes are marked as made by a program"},
    {"a.xml",
     IMAGES("<polygon label=\"car\" points=\"1,2;5,3;4,9\"/><points label=\"b\" "
            "points=\"1,1\"/>"),
     "cvat",
     1,
     1,
     {1, 2, 4, 7},
     "car",
     "1 shapes that are no boxes"},
    {"a.xml",
     IMAGES("<mask label=\"car\" rle=\"1,2\" left=\"3\" top=\"4\" width=\"5\" "
            "height=\"6\"/>"),
     "cvat",
     1,
     1,
     {3, 4, 5, 6},
     "car",
     "1 masks"},
    {"a.xml",
     IMAGES("<box label=\"car\" xtl=\"0\" ytl=\"0\" xbr=\"10\" ybr=\"2\" "
            "rotation=\"90\"/>"),
     "cvat",
     1,
     1,
     {4, -4, 2, 10},
     "car",
     "1 turned boxes"},
    // keyframes 0 and 2: frame 1 lies between; outside at 3 ends it
    {"a.xml",
     TRACK(AT("0", "0", "0") AT("2", "0", "4") AT("3", "1", "4")),
     "cvat",
     5,
     3,
     {0, 2, 20, 10},
     "car",
     "1 boxes were interpolated"},
    // behind the last one a track stands still
    {"a.xml", TRACK(AT("2", "0", "4")), "cvat", 5, 3, {4, 2, 16, 10}, "car", "2 boxes stand still"},
    // gone and back: nothing between
    {"a.xml",
     TRACK(AT("0", "0", "0") AT("1", "1", "0") AT("4", "0", "9")),
     "cvat",
     5,
     2,
     {0, 2, 20, 10},
     "car",
     NULL},
    {"p.txt",
     "1 0.5 0.5 0.2 0.4\n\n0 0.1 0.1 0.1 0.1\r\n",
     "yolo",
     1,
     2,
     {40, 15, 20, 20},
     "car",
     NULL},
    {"p.txt",
     "0 0.1 0.2 0.3 0.2 0.2 0.6\n",
     "yolo",
     1,
     1,
     {10, 10, 20, 20},
     "person",
     "1 polygons"},
    {"p.txt",
     "1 0.9 10 20 30 40\n0 0.8 1 2 1 1\n",
     "text",
     1,
     2,
     {10, 20, 30, 40},
     "car",
     "left, top, width, height"},
    {"p.txt",
     "1 0.9 10 20 30 40\n0 0.8 1 2 3 4\n",
     "text",
     1,
     2,
     {10, 20, 20, 20},
     "car",
     "left, top, right, bottom"},
    {"p.txt",
     "1 0.9 0.5 0.5 0.2 0.4\n",
     "text",
     1,
     1,
     {40, 15, 20, 20},
     "car",
     "confidence before"},
    {"p.txt",
     "1 0.5 0.5 0.2 0.4 0.9\n",
     "text",
     1,
     1,
     {40, 15, 20, 20},
     "car",
     "confidence behind"},
    {"p.txt", "dog 0.9 10 20 30 40\n", "text", 1, 1, {10, 20, 20, 20}, "dog", NULL},
    {"p.txt",
     KITTI "\nDontCare -1 -1 -10 5 6 7 8 -1 -1 -1 -1000 -1000 -1000 -10\n",
     "kitti",
     1,
     2,
     {10, 20, 30, 40},
     "Car",
     "1 DontCare"},
    {"0001.txt", "2 7 " KITTI "\n", "kitti", 3, 1, {10, 20, 30, 40}, "Car", NULL},
    {"p.json",
     SHAPE("\"label\":\"a\",\"points\":[[30,40],[10,20]],\"shape_type\":\"rectangle\""),
     "labelme",
     1,
     1,
     {10, 20, 20, 20},
     "a",
     NULL},
    {"p.json",
     SHAPE("\"label\":\"a\",\"points\":[[1,2],[5,3],[4,9]],\"shape_type\":\"polygon\""),
     "labelme",
     1,
     1,
     {1, 2, 4, 7},
     "a",
     "1 polygons"},
    {"p.json",
     SHAPE("\"label\":\"a\",\"points\":[[10,10],[13,14]],\"shape_type\":\"circle\""),
     "labelme",
     1,
     1,
     {5, 5, 10, 10},
     "a",
     NULL},
    {"p.json",
     SHAPE("\"label\":\"a\",\"points\":[[1,2],[5,3]],\"shape_type\":\"line\""),
     "labelme",
     1,
     0,
     {0},
     NULL,
     "1 shapes that are no boxes"},
    {"p.csv",
     OPEN "p,x,\"a, \"\"b\"\"\",1,\"0,1\",0.3,0.2,0.6,1,0,1\n",
     "openimages",
     1,
     1,
     {10, 10, 20, 20},
     "a, \"b\"",
     NULL},
    {"p.csv",
     "\"image\",\"xmin\",\"ymin\",\"xmax\",\"ymax\",\"label\"\n\"p.jpg\",1,2,4,8,\"h\"\n",
     "vott",
     1,
     1,
     {1, 2, 3, 6},
     "h",
     NULL},
    // a label that was defused for spreadsheets
    {"p.csv",
     "image,xmin,ymin,xmax,ymax,label\np.jpg,1,2,4,8,\"'=h,1\"\n",
     "vott",
     1,
     1,
     {1, 2, 3, 6},
     "=h,1",
     NULL},
    // the CSV of detect: rows of a frame may stand apart, columns anywhere
    {"p.csv",
     "frame,pts_us,file,class_id,label,confidence,x,y,width,height,track_id\n"
     "4,400,,7,'=h,0.5,1,2,3,4,9\n2,200,\"a,b.jpg\",1,g,0.25,0,0,1,1,\n4,400,,1,g,0.25,0,0,1,1,\n",
     "csv",
     2,
     3,
     {1, 2, 3, 4},
     "=h",
     NULL},
    {"p.csv",
     "frame,pts_us,y,x,height,width,confidence,label\n0,,2,1,4,3,1,a\n\n",
     "csv",
     1,
     1,
     {1, 2, 3, 4},
     "a",
     NULL},
    {"p.csv", "frame,pts_us,y,x,height,width,confidence,label\n", "csv", 0, 0, {0}, NULL, NULL},
    // whole pixels come back from six digits
    {"p.txt",
     "1 0.333333 0.3 0.666667 0.2\n",
     "yolo",
     1,
     1,
     {-0.00005, 10, 66.6667, 10},
     "car",
     NULL},
};

static void test_taken(void **state)
{
    const struct dataset_read_opts opts = {0};
    for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
        struct dataset *d = NULL;
        int r = read_given(taken[i].name, taken[i].text, &opts, &d);
        if (r < 0)
            fail_msg("row %zu: %s", i, err_message(r));
        if (strcmp(d->format, taken[i].format) != 0 || d->n_pictures != taken[i].n_pictures ||
            d->n_objects != taken[i].n_objects)
            fail_msg("row %zu: %s, %zu pictures, %zu objects", i, d->format, d->n_pictures,
                     d->n_objects);
        if (d->n_objects > 0) {
            const struct dataset_object *o = &d->objects[0];
            const double *b = taken[i].box;
            if (fabs(o->x - b[0]) > 1e-4 || fabs(o->y - b[1]) > 1e-9 || fabs(o->w - b[2]) > 1e-4 ||
                fabs(o->h - b[3]) > 1e-9)
                fail_msg("row %zu: %.9g %.9g %.9g %.9g", i, o->x, o->y, o->w, o->h);
            assert_string_equal(d->classes[o->class_index].name, taken[i].label);
        }
        if (taken[i].notice && !given_has_notice(d, taken[i].notice))
            fail_msg("row %zu: no notice of \"%s\"", i, taken[i].notice);
        dataset_destroy(d);
    }
}

#define DEEP "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["

static const struct {
    const char *name, *text, *part;
    int code;
} refused[] = {
    {"p.xml", VOC("<object>" VOC_BOX("1", "1", "2", "2") "</object>"), "without name", ERR_DATA},
    {"p.xml", VOC("<object><name>x</name></object>"), "without a whole bndbox", ERR_DATA},
    {"p.xml", VOC("<object><name>x</name><bndbox><xmin>1</xmin></bndbox></object>"),
     "without a whole bndbox", ERR_DATA},
    {"p.xml", VOC("<object><name>x</name>" VOC_BOX("nan", "1", "2", "2") "</object>"), "xmin",
     ERR_DATA},
    {"p.xml", VOC("<object><name>x</name>" VOC_BOX("1", "", "2", "2") "</object>"), "ymin",
     ERR_DATA},
    {"p.xml", VOC("<object>"), "line 1: mismatched tag", ERR_DATA},
    {"p.xml", "<annotation>", "no element found", ERR_DATA},
    {"p.xml", BOMB, "declares entities", ERR_DATA},
    {"p.xml",
     "<!DOCTYPE annotation [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><annotation>"
     "<filename>&x;</filename></annotation>",
     "declares entities", ERR_DATA},
    {"p.xml",
     "<annotation>"
     "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>"
     "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>"
     "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>",
     "64 deep", ERR_TOO_BIG},
    {"a.xml", IMAGES("<box label=\"car\" xtl=\"1\" ytl=\"2\" xbr=\"4\"/>"), "without \"ybr\"",
     ERR_DATA},
    {"a.xml", IMAGES("<box xtl=\"1\" ytl=\"2\" xbr=\"4\" ybr=\"5\"/>"), "without \"label\"",
     ERR_DATA},
    {"a.xml", IMAGES("<box label=\"a\" xtl=\"1e400\" ytl=\"2\" xbr=\"4\" ybr=\"5\"/>"), "xtl",
     ERR_DATA},
    {"a.xml", IMAGES("<polygon label=\"a\" points=\"\"/>"), "polygon", ERR_DATA},
    {"a.xml", TRACK(AT("2", "0", "4") AT("1", "0", "4")), "frame 1 comes after frame 2", ERR_DATA},
    {"a.xml", TRACK(AT("-1", "0", "4")), "frame -1 is not", ERR_DATA},
    {"a.xml", TRACK(AT("99999999999", "0", "4")), "frame 99999999999", ERR_DATA},
    {"p.txt", "2 0.5 0.5 0.2 0.4\n", "line 1: class 2 has no name", ERR_DATA},
    {"p.txt", "-1 0.5 0.5 0.2 0.4\n", "class -1", ERR_DATA},
    {"p.txt", "1 0.5 0.5 0.2 0.4\n1 0.5 0.5 nan 0.4\n", "line 2", ERR_DATA},
    {"p.txt", "1 0.5 0.5 0.2 0.4\n1 0.5 0.5\n", "2 numbers", ERR_DATA},
    {"p.txt", "1 0.9 10 20 30 40\n1 0.9 10 20 30\n1 2 3\n", "not a class", ERR_DATA},
    {"q.txt", "1 0.5 0.5 0.2 0.4\n", "the picture 'q' is not there", ERR_DATA},
    {"p.txt", KITTI "\nCar 0 0 0 1 2 3\n", "7 fields", ERR_DATA},
    {"p.txt", KITTI "\nCar 0.5 1 -1.5 10 inf 40 60 1 1 1 0 0 0 0\n", "line 2: bounding box",
     ERR_DATA},
    {"p.txt", "1 7 " KITTI "\n-4 7 " KITTI "\n", "frame '-4'", ERR_DATA},
    {"p.json", SHAPE("\"points\":[[1,2],[3,4]],\"shape_type\":\"rectangle\""), "without \"label\"",
     ERR_DATA},
    {"p.json", SHAPE("\"label\":\"a\",\"shape_type\":\"rectangle\""), "without \"points\"",
     ERR_DATA},
    {"p.json", SHAPE("\"label\":\"a\",\"points\":[[1,2]],\"shape_type\":\"rectangle\""),
     "a rectangle with 1 points", ERR_DATA},
    {"p.json", SHAPE("\"label\":\"a\",\"points\":[[1,2,3]]"), "two numbers", ERR_DATA},
    {"p.json", "{\"imagePath\":\"p.jpg\"}", "no \"shapes\"", ERR_DATA},
    {"p.csv", "ImageID,LabelName,XMin,XMax,YMin\np,a,0,1,0\n", "no column YMax", ERR_DATA},
    {"p.csv", OPEN "p,x,a,1,0.1,wide,0.2,0.6\n", "line 2: XMax", ERR_DATA},
    {"p.csv", OPEN "p,x,\"a,1,0.1,0.3,0.2,0.6\n", "does not end", ERR_DATA},
    {"p.csv", OPEN ",x,a,1,0.1,0.3,0.2,0.6\n", "without a picture", ERR_DATA},
    {"p.csv", OWN "0,,a,0.5,1,2,3\n", "line 2: height", ERR_DATA},
    {"p.csv", OWN "-1,,a,0.5,1,2,3,4\n", "frame -1 is negative", ERR_DATA},
    {"p.csv", OWN ",,a,0.5,1,2,3,4\n", "line 2: frame", ERR_DATA},
    {"p.csv", OWN "0,x,a,0.5,1,2,3,4\n", "line 2: pts_us", ERR_DATA},
    {"p.csv", OWN "0,,a,nan,1,2,3,4\n", "line 2: confidence", ERR_DATA},
    {"p.csv", OWN "0,,a,0.5,1e39,2,3,4\n", "x is not finite", ERR_DATA},
    {"p.csv", OWN "0,,\"a,0.5,1,2,3,4\n", "line 2: a quoted cell does not end", ERR_DATA},
    {"p.csv", "frame,pts_us,label,x,y,width,height\n", "no column confidence", ERR_DATA},
    {"d.yaml", "names: [a, *b]\n", "aliases", ERR_DATA},
    {"d.yaml", "names: &a [a, [b]]\n", "no text", ERR_DATA},
    {"d.yaml", "names: {-1: a}\n", "class -1", ERR_DATA},
    {"d.yaml", "names: {x: a}\n", "class number", ERR_DATA},
    {"d.yaml", "names: {99999999: a}\n", "more than", ERR_TOO_BIG},
    {"d.yaml", "x: " DEEP, "nested too deep", ERR_DATA},
    {"d.yaml", "names: [a\n", "line", ERR_DATA},
    {"d.yaml", "- a\n", "no map", ERR_DATA},
};

static void test_refused(void **state)
{
    const struct dataset_read_opts opts = {0};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct dataset *d = NULL;
        int r = read_given(refused[i].name, refused[i].text, &opts, &d);
        if (r != refused[i].code)
            fail_msg("row %zu: %d (%s)", i, r, r < 0 ? err_message(r) : "taken");
        if (!strstr(err_message(r), refused[i].part))
            fail_msg("row %zu: \"%s\" says nothing of \"%s\"", i, err_message(r), refused[i].part);
        assert_null(d);
    }
}

// First and last pixel counted from 1, as Pascal's own definition has it.
static void test_voc_pixels(void **state)
{
    const struct dataset_read_opts opts = {.voc_boxes = DATASET_VOC_PIXELS};
    struct dataset *d = NULL;
    assert_int_equal(read_given("p.xml",
                                VOC("<object><name>x</name><difficult>1</difficult>" VOC_BOX(
                                    "1", "1", "100", "50") "</object>"),
                                &opts, &d),
                     0);
    const struct dataset_object *o = &d->objects[0];
    assert_true(o->x == 0 && o->y == 0 && o->w == 100 && o->h == 50);
    assert_int_equal(o->marks, DATASET_DIFFICULT);
    assert_false(o->ignore); // COCO's figures know no difficult objects
    dataset_destroy(d);
}

static void test_marks(void **state)
{
    const struct dataset_read_opts opts = {0};
    struct dataset *d = NULL;
    assert_int_equal(read_given("p.txt",
                                KITTI "\nVan 0 0 0 1 1 2 2 1 1 1 1 1 1 1\nDontCare -1 -1 "
                                      "-10 5 6 7 8 -1 -1 -1 -1000 -1000 -1000 -10\n",
                                &opts, &d),
                     0);
    assert_int_equal(d->objects[0].marks, DATASET_OCCLUDED | DATASET_TRUNCATED);
    assert_int_equal(d->objects[1].marks, 0);
    assert_int_equal(d->n_objects, 4); // the region once for each class
    assert_true(d->objects[2].ignore && d->objects[2].crowd && d->objects[3].ignore);
    assert_int_not_equal(d->objects[2].class_index, d->objects[3].class_index);
    dataset_destroy(d);
    assert_int_equal(read_given("a.xml", TRACK(AT("0", "0", "0") AT("2", "1", "4")), &opts, &d), 0);
    assert_int_equal(d->n_objects, 2); // CVAT moves a box up to the frame where it is outside
    assert_int_equal(d->objects[1].track_id, 3);
    assert_int_equal(d->objects[1].marks, DATASET_OCCLUDED);
    assert_true(d->objects[0].x == 0 || d->objects[1].x == 0);
    assert_true(d->objects[0].x == 2 || d->objects[1].x == 2);
    dataset_destroy(d);
    assert_int_equal(read_given("a.xml",
                                IMAGES("<box label=\"a\" xtl=\"1\" ytl=\"2\" xbr=\"4\" "
                                       "ybr=\"8\"><attribute name=\"time\"> night "
                                       "</attribute></box><box label=\"a\" xtl=\"1\" ytl=\"2\" "
                                       "xbr=\"4\" ybr=\"8\"/>"),
                                &opts, &d),
                     0);
    assert_string_equal(dataset_attribute(d, d->objects[0].attributes, "time"), "night");
    assert_null(dataset_attribute(d, d->objects[1].attributes, "time"));
    dataset_destroy(d);
    assert_int_equal(read_given("p.csv", OPEN "p,x,a,1,0,1,0,1,1,1,1\n", &opts, &d), 0);
    assert_true(d->objects[0].crowd);
    assert_int_equal(d->objects[0].marks, DATASET_OCCLUDED | DATASET_TRUNCATED);
    dataset_destroy(d);
}

// Detections find their pictures by name without ending, their classes by label.
static void test_detections(void **state)
{
    struct dataset_read_opts opts = {0};
    struct dataset *t = NULL;
    struct dataset *d = NULL;
    const char *voc = VOC("<object><name>car</name>" VOC_BOX("1", "1", "5", "5") "</object>");
    assert_int_equal(read_given("x.xml", voc, &opts, &t), 0);
    opts.truth = t;
    assert_int_equal(read_given("p.txt", "1 0.5 10 20 30 40\n0 0.75 1 2 3 4\n", &opts, &d), 0);
    assert_int_equal(d->role, DATASET_DETECTIONS);
    assert_int_equal(d->n_objects, 1);
    assert_true(d->objects[0].confidence == 0.5);
    assert_ptr_equal(d->classes, t->classes);
    assert_true(given_has_notice(d, "1 detections of classes"));
    dataset_destroy(d);
    assert_int_equal(read_given("q.txt", "1 0.5 10 20 30 40\n", &opts, &d), 0);
    assert_int_equal(d->n_objects, 0);
    assert_true(given_has_notice(d, "1 detections of pictures"));
    dataset_destroy(d);
    // relative ones need no picture: the truth has its size
    assert_int_equal(read_given("p.txt", "1 0.5 0.5 0.2 0.4 0.9\n", &opts, &d), 0);
    assert_true(d->objects[0].x == 40 && d->objects[0].confidence == 0.9);
    dataset_destroy(d);
    dataset_destroy(t);
}

// No allocation may fail unseen, and none of what was made stays.
static void test_no_memory(void **state)
{
    static const size_t rows[] = {0, 5, 9, 12, 16, 19, 20, 21, 25};
    for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
        size_t i = rows[k];
        const struct dataset_read_opts opts = {0};
        for (long n = 1; n < 2000; n++) {
            struct dataset *d = NULL;
            mem_test_fail_at(n);
            int r = read_given(taken[i].name, taken[i].text, &opts, &d);
            bool pending = mem_test_fail_pending();
            mem_test_fail_at(0);
            dataset_destroy(d);
            if (pending) {
                assert_int_equal(r, 0);
                break;
            }
            if (r != ERR_NOMEM)
                fail_msg("row %zu, allocation %ld: %d (%s)", i, n, r, err_message(r));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),      cmocka_unit_test(test_refused),
        cmocka_unit_test(test_voc_pixels), cmocka_unit_test(test_marks),
        cmocka_unit_test(test_detections), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
