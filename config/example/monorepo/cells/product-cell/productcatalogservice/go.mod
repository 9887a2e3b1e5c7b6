module ecommerce/productcatalogservice

go 1.22
