module ecommerce/frontend

go 1.22
