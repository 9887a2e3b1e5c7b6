/* References to things elsewhere: paths in the repository, images, URLs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Each returns NULL when the reference is sound, otherwise half a sentence. Static. */

/* A path below the repository's root. It is resolved in the revision's tree only, never in a file
 * system, and may not leave it. */
const char *reference_path_problem(const char *path, size_t length);

/* An image with a tag, a digest or both. */
const char *reference_image_problem(const char *image, size_t length);

/* A URL with scheme and host, no user information and no fragment. `encrypted`: plain http may lead
 * to this machine only. */
const char *reference_url_problem(const char *url, size_t length, bool encrypted);
