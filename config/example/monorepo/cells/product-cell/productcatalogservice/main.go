package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
)

// A stand-in for the productcatalogservice: it answers every request with its name.
func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "productcatalogservice")
	})
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
