module ecommerce/shippingservice

go 1.22
