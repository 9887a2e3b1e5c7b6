/* Compares a recorded answer with the model's. Identifiers that nobody can foretell (uids, hashes
 * of content, generated suffixes) match when they stand for each other everywhere, times match any
 * time, generations match up to an offset per object. */
#pragma once

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>

#define MATCHING_POINTER 512
#define MATCHING_DIFFERENCES 64

struct matching; /* what stands for what so far */

struct matching *matching_new(void);
struct matching *matching_free(struct matching *matching);

struct difference {
    char pointer[MATCHING_POINTER]; /* JSON pointer into the body */
    char text[512];                 /* recorded value and ours */
};

struct differences {
    struct difference items[MATCHING_DIFFERENCES];
    size_t count, weight; /* weight: values that are missing or too much count with all they hold */
};

/* Appends what differs. With `learn`, new identifiers become known; without, they are only tried.
 */
void matching_compare(struct matching *matching, const json_t *recorded, const json_t *ours,
                      const char *object, bool learn, struct differences *ret);

/* A recorded text with all known identifiers replaced by ours; owned. */
char *matching_translate(const struct matching *matching, const char *text);

/* The next answers are a tree. `loose`: its objects are older than the recording, so that their
 * first generations are taken as they are; from then on they must move together. */
void matching_set_tree(struct matching *matching, bool in_tree, bool loose);
void matching_forget_offsets(struct matching *matching);

/* The generation of an object in the recording is `offset` above ours. */
void matching_set_offset(struct matching *matching, const char *object, json_int_t offset);
