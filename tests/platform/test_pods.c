/* What a deployment says of itself while its pods come, die or stay away, where no recording shows
 * it. */
#include "config/base/json.h"
#include "tests/platform/cart.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

Test(pods, ready_is_still_true_right_after_a_release)
{
    struct town *t = cart_town();
    town_release(t, "cart-a", "cart-a-2", "cart:broken");
    town_pass(t, 100);
    json_t *binding = town_must(t, 200, "GET", "/releasebindings/cart-a-development", NULL);
    size_t i;
    json_t *condition;
    bool lies = false;
    json_array_foreach(json_at(binding, "status", "conditions", NULL), i, condition)
    {
        const char *type = json_text_or(json_object_get(condition, "type"), "");
        const json_int_t seen =
            json_integer_value(json_object_get(condition, "observedGeneration"));
        if (strcmp(type, "Ready") == 0)
            lies = seen == 2 && strcmp(cart_ready(t, "cart-a-development"), "True") == 0;
    }
    json_decref(binding);
    cr_assert_eq((int)lies, 1, "Ready=True with the new generation, though nothing rolled out");
    cr_assert_eq((int)town_wait(t, "cart-a-development", "Ready", "False", 60000), 1);
    /* it stays so: a broken image never becomes ready, and the old pods go on */
    town_pass(t, 600000);
    cr_assert_str_eq(cart_ready(t, "cart-a-development"), "False");
    const struct platform_running running =
        platform_running(t->platform, "acme", "cart-a", "development");
    cr_assert(running.ready >= 1);
    town_free(t);
}

Test(pods, a_stalled_controller_keeps_its_last_word)
{
    struct town *t = cart_town();
    platform_stall(t->platform, t->now_ms + 30000);
    town_release(t, "cart-a", "cart-a-2", "cart:broken");
    town_pass(t, 25000);
    json_t *binding = platform_object(t->platform, "releasebindings", "acme", "cart-a-development");
    json_t *first = json_array_get(json_at(binding, "status", "conditions", NULL), 0);
    cr_assert_eq(json_integer_value(json_object_get(first, "observedGeneration")), 1);
    json_decref(binding);
    cr_assert_str_eq(cart_ready(t, "cart-a-development"), "True");
    cr_assert_eq((int)town_wait(t, "cart-a-development", "Ready", "False", 60000), 1);
    town_free(t);
}

Test(pods, a_stalled_data_plane_only_delays)
{
    struct town *t = cart_town();
    platform_stall_data_plane(t->platform, t->now_ms + 60000);
    town_release(t, "cart-a", "cart-a-2", "cart:2");
    town_pass(t, 40000);
    const char *reason;
    cr_assert_str_eq(town_condition(t, "cart-a-development", "Ready", &reason), "False");
    cr_assert_str_eq(reason, "ResourcesProgressing");
    cr_assert_eq((int)town_wait(t, "cart-a-development", "Ready", "True", 90000), 1);
    town_free(t);
}

Test(pods, images_behave_as_told)
{
    struct town *t = town_new(NULL);
    platform_image_rule(t->platform, "crash:*", PLATFORM_IMAGE_CRASHES, 0);
    platform_image_rule(t->platform, "missing:*", PLATFORM_IMAGE_MISSING, 0);
    platform_image_rule(t->platform, "slow:*", PLATFORM_IMAGE_SLOW, 90000);
    town_deploy_slot(t, "cart-a", "a", "crash:1");
    town_deploy_slot(t, "cart-b", "b", "missing:1");
    town_deploy_slot(t, "cart-c", "c", "slow:1");
    town_pass(t, 60000);
    cr_assert_str_eq(cart_ready(t, "cart-a-development"), "False");
    cr_assert_str_eq(cart_ready(t, "cart-b-development"), "False");
    cr_assert_str_eq(cart_ready(t, "cart-c-development"), "False");
    json_t *tree =
        town_must(t, 200, "GET", "/releasebindings/cart-a-development/k8sresources/tree", NULL);
    char *text = json_dumps(tree, JSON_COMPACT);
    cr_assert_not_null(strstr(text, "CrashLoopBackOff"));
    free(text);
    json_decref(tree);
    tree = town_must(t, 200, "GET", "/releasebindings/cart-b-development/k8sresources/tree", NULL);
    text = json_dumps(tree, JSON_COMPACT);
    cr_assert_not_null(strstr(text, "ImagePullBackOff"));
    free(text);
    json_decref(tree);
    cr_assert_eq((int)town_wait(t, "cart-c-development", "Ready", "True", 60000), 1);
    town_free(t);
}

Test(pods, pods_that_were_replaced_do_not_come_back_when_the_new_ones_die)
{
    struct town *t = cart_town();
    town_release(t, "cart-a", "cart-a-2", "cart:2");
    town_pass(t, 120000);
    cr_assert_str_eq(cart_ready(t, "cart-a-development"), "True");
    platform_image_rule(t->platform, "cart:2", PLATFORM_IMAGE_CRASHES, 0);
    cr_assert(platform_crash(t->platform, "acme", "cart-a", "development", t->now_ms));
    town_pass(t, 10000);
    cr_assert_eq(platform_running(t->platform, "acme", "cart-a", "development").ready, 0);
    town_release(t, "cart-a", "cart-a-3", "cart:1");
    cr_assert(town_wait(t, "cart-a-development", "Ready", "True", 120000));
    const struct platform_running back =
        platform_running(t->platform, "acme", "cart-a", "development");
    cr_assert_str_eq(back.image, "cart:1");
    cr_assert_eq(back.ready, back.wanted);
    town_free(t);
}

Test(pods, only_pods_of_the_newest_template_die)
{
    struct town *t = cart_town();
    town_release(t, "cart-a", "cart-a-2", "cart:broken");
    town_pass(t, 60000);
    cr_assert(platform_crash(t->platform, "acme", "cart-a", "development", t->now_ms));
    town_pass(t, 10000);
    const struct platform_running running =
        platform_running(t->platform, "acme", "cart-a", "development");
    cr_assert_eq(running.ready, running.wanted, "the old pods go on");
    town_free(t);
}

static void scale(struct town *t, int replicas)
{
    json_t *patch =
        json_pack("{s:{s:{s:i}}}", "spec", "componentTypeEnvironmentConfigs", "replicas", replicas);
    cr_assert(platform_tamper(t->platform, "releasebindings", "acme", "cart-a-development", patch,
                              t->now_ms));
    json_decref(patch);
}

/* A replica set that stood once is through: what is added to it later is not late at once. */
Test(pods, a_scale_long_after_the_deadline_is_no_failed_rollout)
{
    struct town *t = cart_town();
    town_pass(t, 3600000);
    scale(t, 2);
    town_pass(t, 1000);
    struct platform_running running =
        platform_running(t->platform, "acme", "cart-a", "development");
    json_t *tree =
        town_must(t, 200, "GET", "/releasebindings/cart-a-development/k8sresources/tree", NULL);
    char *text = json_dumps(tree, JSON_COMPACT);
    cr_expect_eq(running.wanted, 2);
    cr_expect_eq(running.ready, 1);
    cr_expect_not_null(strstr(text, "NewReplicaSetAvailable"));
    cr_expect_null(strstr(text, "ProgressDeadlineExceeded"));
    free(text);
    json_decref(tree);
    town_pass(t, 60000);
    running = platform_running(t->platform, "acme", "cart-a", "development");
    cr_expect_eq(running.ready, 2);
    town_free(t);
}

/* The deadline counts from what came last. */
Test(pods, a_rollout_is_late_only_without_progress)
{
    static const char *const ends[] = {"ResourcesDegraded", "ResourcesProgressing"};
    for (int scales = 0; scales < 2; scales++) {
        struct town *t = town_new(NULL);
        town_deploy_slot(t, "cart-a", "a", "cart:broken");
        const char *reason;
        town_pass(t, 90000);
        (void)town_condition(t, "cart-a-development", "Ready", &reason);
        cr_expect_str_eq(reason, "ResourcesProgressing");
        if (scales > 0)
            scale(t, 2);
        town_pass(t, 60000);
        (void)town_condition(t, "cart-a-development", "Ready", &reason);
        cr_expect_str_eq(reason, ends[scales]);
        town_pass(t, 90000);
        (void)town_condition(t, "cart-a-development", "Ready", &reason);
        cr_expect_str_eq(reason, "ResourcesDegraded");
        town_free(t);
    }
}

/* All pods of what stood are gone: that is told at once. */
Test(pods, what_stood_and_has_no_pod_left_is_degraded)
{
    struct town *t = cart_town();
    cr_assert(platform_crash(t->platform, "acme", "cart-a", "development", t->now_ms));
    town_pass(t, 30000);
    const char *reason;
    cr_expect_str_eq(town_condition(t, "cart-a-development", "Ready", &reason), "False");
    cr_expect_str_eq(reason, "ResourcesDegraded");
    town_free(t);
}

Test(pods, the_data_plane_heals)
{
    struct town *t = cart_town();
    json_t *services = platform_live_all(t->platform, "Service");
    const json_t *m = json_object_get(json_array_get(services, 0), "metadata");
    const char *ns = json_text_or(json_object_get(m, "namespace"), "");
    const char *name = json_text_or(json_object_get(m, "name"), "");
    cr_assert_eq((int)platform_tamper_live(t->platform, "Service", ns, name, NULL), 1);
    cr_assert_null(platform_live(t->platform, "Service", ns, name));
    town_pass(t, 600000);
    json_t *back = platform_live(t->platform, "Service", ns, name);
    cr_assert_not_null(back);
    json_decref(back);
    json_decref(services);
    town_free(t);
}
