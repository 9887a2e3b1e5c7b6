module ecommerce/checkoutservice

go 1.22
