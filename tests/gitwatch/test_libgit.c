#include "gitwatch/libgit.h"

#include <criterion/criterion.h>

#include <string.h>

/* G17 */
Test(libgit, versions_with_known_holes_are_refused)
{
    struct error error;
    const struct libgit_limits limits = libgit_limits_default();
    cr_assert_not_null(strstr(libgit_version_problem(1, 5, 0, true), "too old"));
    cr_assert_not_null(strstr(libgit_version_problem(0, 99, 9, true), "too old"));
    cr_assert_not_null(strstr(libgit_version_problem(1, 5, 1, false), "deb12u2"));
    cr_assert_null(libgit_version_problem(1, 5, 1, true));
    cr_assert_null(libgit_version_problem(2, 0, 0, true));
    cr_assert(libgit_start(&limits, &error) == 0, "%s", error.detail);
    libgit_stop();
}
