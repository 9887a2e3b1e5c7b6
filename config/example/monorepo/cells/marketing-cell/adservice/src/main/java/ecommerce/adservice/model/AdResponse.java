package ecommerce.adservice.model;

public record AdResponse(Ad[] ads) {
}
