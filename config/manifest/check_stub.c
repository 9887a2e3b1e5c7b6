#include "config/manifest/check.h"
void check_overrides(struct loader *loader)
{
    (void)loader;
}
void check_order(struct loader *loader)
{
    (void)loader;
}
void check_names(struct loader *loader)
{
    (void)loader;
}
void check_components(struct loader *loader)
{
    (void)loader;
}
void check_stages(struct loader *loader)
{
    (void)loader;
}
